import type { ActivationBatch, Tokenizer } from '@salmon-sae/dataflow';
import { absorption, firstLetterClasses, labelRows } from '@salmon-sae/metrics';
import type { LabelledRows } from '@salmon-sae/metrics';
import type { ExtraTable } from '../../report/index.js';
import { ABSORPTION_COLUMNS, absorptionCells, ABSORPTION_IDS, ABSORPTION_NOTE } from './absorption-cells.js';
import { DEFINITION_COLUMN, SAE_COLUMN } from './extra-task.js';
import type { ExtraTask } from './extra-task.js';

/** Words a letter needs, letters looked at (those with most words), rows of one word, and words in all. */
const WORDS = 25;
const LETTERS = 8;
const ROWS = 2;
const MOST = 1500;

/** Absorption of the first letter (SAEBench, arXiv 2503.09532): does a word's own latent stand in for the latent of its letter? */
export function firstLetterTable(task: ExtraTask): ExtraTable {
  const rows = wordRows([...task.onDomain, ...task.onBroad], task.session.model.tokenizer);
  const classes = [...firstLetterClasses(new Set(rows.labels), WORDS)].sort((a, b) => b.members.size - a.members.size).slice(0, LETTERS);
  const { samples: replicates, seed } = task.session.config.bootstrap;
  const measured = classes.length < 2 ? [] : task.saes.map(({ plan, sae }) => [plan.name, ...absorptionCells(absorption(sae, rows, { classes, replicates, seed })), ABSORPTION_IDS.join(', ')]);
  const note = classes.length < 2 ? ` Not measured: fewer than two letters have ${WORDS} words that are one token each.` : ` ${new Set(rows.labels).size} words that are one token each, in running text; letters: ${classes.map(({ name }) => name).join(', ')}.`;
  return {
    id: 'first-letter-absorption',
    title: 'Absorption of first letters',
    caption: `The classes are first letters. Full: the letter’s latents are silent and another latent carries its direction; fraction: the share carried by others (arXiv 2409.14507, arXiv 2503.09532). ${ABSORPTION_NOTE}${note}`,
    columns: [SAE_COLUMN, ...ABSORPTION_COLUMNS, DEFINITION_COLUMN],
    rows: measured,
  };
}

/** Activations at tokens that are a whole word, labelled with the word. */
function wordRows(batches: readonly ActivationBatch[], tokenizer: Tokenizer): LabelledRows {
  const seen = new Map<string, number>();
  return labelRows(batches, ({ origin, rows }, row) => {
    const word = /^\s([a-z]{3,})$/i.exec(tokenizer.token(origin.tokenId[row]!))?.[1]?.toLowerCase();
    const follows = row + 1 < rows && origin.doc[row + 1] === origin.doc[row] && origin.position[row + 1] === origin.position[row]! + 1;
    // A token that goes on with letters belongs to the same word.
    if (word === undefined || !follows || /^[a-z]/i.test(tokenizer.token(origin.tokenId[row + 1]!))) return undefined;
    const times = seen.get(word) ?? 0;
    if (times >= ROWS || (times === 0 && seen.size >= MOST)) return undefined;
    seen.set(word, times + 1);
    return word;
  });
}

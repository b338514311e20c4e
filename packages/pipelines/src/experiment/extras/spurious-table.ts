import type { ActivationBatch } from '@salmon-sae/dataflow';
import { interval, joinRows, labelRows, pairedDifference, spuriousCorrelationRemoval } from '@salmon-sae/metrics';
import type { LabelledRows } from '@salmon-sae/metrics';
import type { ExtraTable, Measure } from '../../report/index.js';
import { DEFINITION_COLUMN, measure, SAE_COLUMN, withRandomSae } from './extra-task.js';
import type { ExtraRow, ExtraTask } from './extra-task.js';

const N = [2, 10, 50] as const;
/** Documents of each of the four combinations: at most, and at least. */
const DOCUMENTS = 120;
const LEAST = 20;
/** Lower end of the interval of oracle minus biased probe from which the score is given. */
const GAP = 0.05;

/** Spurious correlation removal (SAEBench, arXiv 2503.09532): domain against broad text, made to coincide with long against short documents. */
export async function spuriousTable(task: ExtraTask): Promise<ExtraTable> {
  const { rows, median, least } = lengthRows(task);
  const ids = ['scr_base_accuracy@1', 'scr_oracle_accuracy@1', ...N.map((n) => `scr_pooled_mean_n${n}@1`)];
  const { samples: replicates, seed } = task.session.config.bootstrap;
  let fooled = true;
  const measured = least < LEAST ? [] : await withRandomSae(task, ({ name, sae }): ExtraRow => {
    const { metrics } = spuriousCorrelationRemoval(sae, rows, { target: (label) => label.startsWith('domain'), spurious: (label) => label.endsWith('long'), n: N, ablation: 'mean', pool: true, replicates, seed });
    const of = (id: string): Measure | null => measure(metrics[id] === undefined ? undefined : interval(metrics[id]));
    const [base, oracle] = [metrics['scr_base_accuracy@1'], metrics['scr_oracle_accuracy@1']];
    // The scale runs from base to oracle: where the gap between them is small it has no length to measure by.
    fooled = base !== undefined && oracle !== undefined && (interval(pairedDifference(oracle, base)).low ?? 0) > GAP;
    return [name, of('scr_base_accuracy@1'), of('scr_oracle_accuracy@1'), ...N.map((n) => (fooled ? of(`scr_pooled_mean_n${n}@1`) : null)), ids.join(', ')];
  });
  const why = least < LEAST ? ` Not measured: one of the four combinations has fewer than ${LEAST} held-out documents.` : fooled ? '' : ' Not scored: the biased probe does about as well as the oracle here, so there is nothing to remove.';
  return {
    id: 'spurious-correlation',
    title: 'Spurious correlation removal',
    caption: `A probe learns domain against broad text where every domain document is long (at least ${median} tokens) and every broad one short, and is tested on all four combinations alike. How much of the way to an unbiased probe (oracle) do the n latents with most effect on length bring it back when they are set to their mean? 1 is all of it, 0 nothing, below 0 worse. Control: an SAE of random directions, as wide and as sparse.${why}`,
    columns: [SAE_COLUMN, { id: 'base', label: 'Biased probe' }, { id: 'oracle', label: 'Oracle' }, ...N.map((n) => ({ id: `n${n}`, label: `${n} latents` })), DEFINITION_COLUMN],
    rows: measured,
  };
}

interface LengthRows {
  readonly rows: LabelledRows;
  readonly median: number;
  /** Documents of the rarest combination. */
  readonly least: number;
}

/** Long and short documents of both texts, labelled with text and length. */
function lengthRows({ onDomain, onBroad }: ExtraTask): LengthRows {
  const texts = [
    { name: 'domain', batches: onDomain },
    { name: 'broad', batches: onBroad },
  ];
  const lengths = new Map(texts.map(({ name, batches }) => [name, documentLengths(batches)]));
  const all = [...lengths.values()].flatMap((own) => [...own.values()]).sort((a, b) => a - b);
  const median = all[Math.floor(all.length / 2)] ?? 0;
  const documents = new Map<string, Set<string>>(['domain short', 'domain long', 'broad short', 'broad long'].map((label) => [label, new Set()]));
  const parts = texts.map(({ name, batches }) =>
    labelRows(batches, ({ origin }, row) => {
      const doc = origin.docs[origin.doc[row]!]!;
      const label = `${name} ${(lengths.get(name)?.get(doc) ?? 0) >= median ? 'long' : 'short'}`;
      const own = documents.get(label);
      if (own === undefined || (own.size >= DOCUMENTS && !own.has(doc))) return undefined;
      own.add(doc);
      return label;
    }),
  );
  return { rows: joinRows(parts), median, least: Math.min(...[...documents.values()].map((own) => own.size)) };
}

function documentLengths(batches: readonly ActivationBatch[]): ReadonlyMap<string, number> {
  const lengths = new Map<string, number>();
  for (const { origin, rows } of batches) {
    for (let row = 0; row < rows; row++) {
      const doc = origin.docs[origin.doc[row]!]!;
      lengths.set(doc, (lengths.get(doc) ?? 0) + 1);
    }
  }
  return lengths;
}

import type { Block, Paragraph, ReportSection, Table } from '../document.js';
import { overlapBars } from '../figures/overlap-bars.js';
import { formatCell, formatNumber } from '../number-format.js';
import type { DomainOnlySection, ReportData } from '../report-data.js';
import { sectionOf } from './sae-section.js';

/** Overlap of the arms' latents, explanations' scores, latents that only the domain arm has, feature cards. */
export function featureSections(data: ReportData): readonly ReportSection[] {
  const overlap = sectionOf('overlap', 'Do the arms learn the same latents?', [overlapBars(data), overlapTable(data)]);
  const scores = sectionOf('detection', 'Explanations', [detectionParagraph(data), detectionTable(data)]);
  const only = data.domainOnly === undefined ? undefined : domainOnlySection(data.domainOnly);
  const groups = (data.cards ?? []).flatMap((group, i): readonly (ReportSection | undefined)[] => {
    const intro: readonly Block[] = group.intro === undefined ? [] : [{ kind: 'paragraph', text: group.intro }];
    return [sectionOf(`cards-${i + 1}`, group.title, [...intro, group.cards.length === 0 ? undefined : { kind: 'cards', cards: group.cards }])];
  });
  return [overlap, scores, only, ...groups].filter((section) => section !== undefined);
}

function domainOnlySection(only: DomainOnlySection): ReportSection {
  const share = formatNumber(only.count / only.of, 'percent');
  const text = `${only.count} of ${only.of} latents (${share}) of ${only.sae} have no counterpart in ${only.against}: no latent there reaches a cosine of ${formatNumber(only.threshold, 'short')} with both its encoder and its decoder.${only.cards.length > 0 ? ` ${only.cards.length} of them:` : ''}`;
  return {
    id: 'domain-only',
    title: 'Latents that only the domain arm has',
    blocks: [{ kind: 'paragraph', text }, ...(only.cards.length === 0 ? [] : [{ kind: 'cards' as const, cards: only.cards }])],
  };
}

function overlapTable(data: ReportData): Table | undefined {
  if (data.overlaps === undefined || data.overlaps.length === 0) return undefined;
  return {
    kind: 'table',
    id: 'overlap',
    title: 'Overlap of latents',
    caption: 'Pairs by Hungarian matching; shared: encoder and decoder cosine both at or above the threshold. Published: 372 of 16 384 (2.3%) between a medical and a Gemma Scope SAE.',
    columns: [
      { id: 'first', label: 'SAE', heading: true },
      { id: 'second', label: 'Against' },
      { id: 'relation', label: 'Relation' },
      { id: 'threshold', label: 'Threshold', format: 'short' },
      { id: 'shared', label: 'Shared', format: 'integer' },
      { id: 'of', label: 'Of', format: 'integer' },
      { id: 'share', label: 'Share', format: 'percent' },
      { id: 'meanCosine', label: 'Mean cosine of pairs', format: 'fixed3' },
    ],
    rows: data.overlaps.map((row) => [row.first, row.second, row.relation, row.threshold, row.shared, row.of, row.shared / row.of, row.meanCosine ?? null]),
  };
}

/** What each arm's explanations are worth: only what lies above random directions of equal density counts. */
function detectionParagraph(data: ReportData): Paragraph | undefined {
  const sentences = data.saes.flatMap(({ sae, detection }) => {
    if (detection === undefined) return [];
    const { overRandom, random } = detection;
    const score = formatCell(detection.score, 'fixed3');
    if (overRandom === undefined || random === undefined) return [`${sae}: ${score}; no random direction could be scored, so nothing is concluded.`];
    const size = `${formatCell(overRandom, 'signed3')} over ${detection.paired ?? detection.latents} pairs`;
    const beside = `${sae}: ${score}, random directions ${formatCell(random, 'fixed3')}`;
    if (overRandom.low === undefined) return [`${beside}; too few latents to judge.`];
    return [`${beside}: ${overRandom.low > 0 ? `above them by ${size}` : `nothing above them found (${size})`}.`];
  });
  if (sentences.length === 0) return undefined;
  return { kind: 'paragraph', text: `A direction drawn at random can be explained and detected too, so a score counts as interpretability only for what exceeds random directions of the same density. ${sentences.join(' ')}` };
}

function detectionTable(data: ReportData): Table | undefined {
  const rows = data.saes.flatMap((row) => (row.detection === undefined ? [] : [{ ...row, detection: row.detection }]));
  if (rows.length === 0) return undefined;
  return {
    kind: 'table',
    id: 'detection',
    title: 'Detection scores',
    caption:
      'Mean balanced accuracy of telling, from the explanation alone, which unseen windows make a latent fire; 0.5 is chance. Explained and judged offline by word rules. Shuffled: the same latents with each other’s explanations. Random: directions drawn at random with a threshold that makes each as dense as one of the latents. Above random: difference latent by latent. Intervals: bootstrap over latents.',
    columns: [
      { id: 'arm', label: 'Arm', heading: true },
      { id: 'latents', label: 'Latents', format: 'integer' },
      { id: 'targetL0', label: 'Target L0', format: 'short' },
      { id: 'seed', label: 'Seed', format: 'integer' },
      { id: 'scored', label: 'Scored', format: 'integer' },
      { id: 'detection', label: 'Detection', format: 'fixed3' },
      { id: 'shuffled', label: 'Shuffled', format: 'fixed3' },
      { id: 'random', label: 'Random', format: 'fixed3' },
      { id: 'overRandom', label: 'Above random', format: 'signed3' },
    ],
    rows: rows.map(({ arm, latents, targetL0, seed, detection }) => [
      arm,
      latents,
      targetL0 ?? null,
      seed ?? null,
      detection.latents,
      detection.score,
      detection.shuffled ?? null,
      detection.random ?? null,
      detection.overRandom ?? null,
    ]),
    armColumn: 'arm',
  };
}

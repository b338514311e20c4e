import type { Block, ReportSection, Table } from '../document.js';
import { overlapBars } from '../figures/overlap-bars.js';
import { formatNumber } from '../number-format.js';
import type { DomainOnlySection, Measure, ReportData } from '../report-data.js';
import { sectionOf } from './sae-section.js';

/** Overlap of the arms' latents, explanations' scores, latents that only the domain arm has, feature cards. */
export function featureSections(data: ReportData): readonly ReportSection[] {
  const overlap = sectionOf('overlap', 'Do the arms learn the same latents?', [overlapBars(data), overlapTable(data)]);
  const scores = sectionOf('detection', 'Explanations', [detectionTable(data)]);
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

function detectionTable(data: ReportData): Table | undefined {
  const rows = data.saes.filter((row) => row.detection !== undefined);
  if (rows.length === 0) return undefined;
  const over = ({ detection, detectionControl }: (typeof rows)[number]): Measure | null =>
    detection === undefined || detectionControl === undefined ? null : { value: detection.value - detectionControl.value };
  return {
    kind: 'table',
    id: 'detection',
    title: 'Detection scores',
    caption: 'Balanced accuracy of telling, from the explanation alone, which unseen windows make a latent fire; 0.5 is chance. Control: the same with explanations dealt to the wrong latents.',
    columns: [
      { id: 'arm', label: 'Arm', heading: true },
      { id: 'latents', label: 'Latents', format: 'integer' },
      { id: 'targetL0', label: 'Target L0', format: 'short' },
      { id: 'seed', label: 'Seed', format: 'integer' },
      { id: 'detection', label: 'Detection', format: 'fixed3' },
      { id: 'control', label: 'Control', format: 'fixed3' },
      { id: 'over', label: 'Above control', format: 'signed4' },
    ],
    rows: rows.map((row) => [row.arm, row.latents, row.targetL0 ?? null, row.seed ?? null, row.detection ?? null, row.detectionControl ?? null, over(row)]),
    armColumn: 'arm',
  };
}

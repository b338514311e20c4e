import type { Block, Column, NumberFormat, ReportSection, Table } from '../document.js';
import { darkMatterBars } from '../figures/dark-matter-bars.js';
import { densityLines } from '../figures/density-lines.js';
import { metricCurves, panelName } from '../figures/metric-curves.js';
import type { MetricKey, ReportData, SaeRow, TextKind } from '../report-data.js';
import { definitionNote } from './definition-note.js';

interface MetricColumn {
  readonly key: MetricKey;
  readonly label: string;
  readonly format: NumberFormat;
}

const mainColumns: readonly MetricColumn[] = [
  { key: 'l0', label: 'L0', format: 'short3' },
  { key: 'fve', label: 'FVE', format: 'fixed4' },
  { key: 'deltaCe', label: 'Delta CE, nats/token', format: 'fixed4' },
  { key: 'lossRecoveredZero', label: 'Loss recovered, zero', format: 'fixed4' },
  { key: 'lossRecoveredMean', label: 'Loss recovered, mean', format: 'fixed4' },
  { key: 'kl', label: 'KL, nats/token', format: 'fixed4' },
  { key: 'cosine', label: 'Cosine', format: 'fixed4' },
  { key: 'liveShare', label: 'Live latents', format: 'percent' },
  { key: 'denseShare', label: 'Dense latents', format: 'percent' },
];

const darkColumns: readonly MetricColumn[] = [
  { key: 'l0', label: 'L0', format: 'short3' },
  { key: 'darkR2Vector', label: 'R² of the error vector', format: 'fixed3' },
  { key: 'darkR2Norm', label: 'R² of the squared error norm', format: 'fixed3' },
  { key: 'fvuLinear', label: 'FVU, linear part', format: 'fixed4' },
  { key: 'fvuNonlinear', label: 'FVU, nonlinear part', format: 'fixed4' },
];

/** Reconstruction, loss and sparsity: Pareto plots, densities, the full table of both texts. */
export function paretoSection(data: ReportData): ReportSection | undefined {
  const fve = metricCurves(data, {
    id: 'pareto-fve',
    metric: 'fve',
    title: 'Variance explained over sparsity',
    axis: '↑ fraction of variance explained',
    caption: `Higher and further left is better.${definitionNote(data, ['fve', 'l0'])}`,
  });
  const deltaCe = metricCurves(data, {
    id: 'pareto-delta-ce',
    metric: 'deltaCe',
    title: 'Loss added over sparsity',
    axis: '↑ delta cross-entropy, nats/token',
    caption: `Cross-entropy with the reconstruction spliced in minus the clean cross-entropy. Lower and further left is better.${definitionNote(data, ['deltaCe'])}`,
  });
  const blocks: readonly (Block | undefined)[] = [fve, deltaCe, metricTable(data, 'domain', mainColumns), metricTable(data, 'broad', mainColumns), densityLines(data)];
  return sectionOf('pareto', 'Reconstruction, loss and sparsity', blocks);
}

/** What the SAEs leave out, and how much of it is linear. */
export function darkMatterSection(data: ReportData): ReportSection | undefined {
  const curves = metricCurves(data, {
    id: 'dark-matter-r2',
    metric: 'darkR2Vector',
    title: 'Linear residual over sparsity',
    axis: '↑ R² of the error vector',
    caption: `How much of the SAE's error a linear map of the activation predicts on tokens it was not fitted on. Lower means less linear structure is missed.${definitionNote(data, ['darkR2Vector'])}`,
  });
  const blocks: readonly (Block | undefined)[] = [darkMatterBars(data, 'domain'), darkMatterBars(data, 'broad'), curves, darkTable(data, 'domain'), darkTable(data, 'broad')];
  return sectionOf('dark-matter', 'Dark matter: what the reconstruction leaves out', blocks);
}

export function sectionOf(id: string, title: string, blocks: readonly (Block | undefined)[]): ReportSection | undefined {
  const present = blocks.filter((block) => block !== undefined);
  return present.length === 0 ? undefined : { id, title, blocks: present };
}

function darkTable(data: ReportData, text: TextKind): Table | undefined {
  const measured = data.saes.filter((row) => darkColumns.slice(1).some(({ key }) => row.texts[text]?.[key] !== undefined));
  return measured.length === 0 ? undefined : metricTable({ ...data, saes: measured }, text, darkColumns, 'dark-matter');
}

/** One row per SAE on one text; metrics that no SAE has are left out. */
function metricTable(data: ReportData, text: TextKind, metrics: readonly MetricColumn[], prefix = 'saes'): Table | undefined {
  const rows = data.saes.filter((row) => row.texts[text] !== undefined);
  if (rows.length === 0) return undefined;
  const used = metrics.filter(({ key }) => rows.some((row) => row.texts[text]?.[key] !== undefined));
  const columns: readonly Column[] = [
    { id: 'arm', label: 'Arm', heading: true },
    { id: 'latents', label: 'Latents', format: 'integer' },
    { id: 'targetL0', label: 'Target L0', format: 'short' },
    { id: 'seed', label: 'Seed', format: 'integer' },
    ...used.map(({ key, label, format }) => ({ id: key, label, format })),
  ];
  return {
    kind: 'table',
    id: `${prefix}-${text}`,
    title: `${prefix === 'saes' ? 'Every SAE' : 'Linear and nonlinear error'} on ${panelName[text]}`,
    caption: `${used.some(({ key }) => key === 'lossRecoveredZero') ? 'Loss recovered against zero ablation and mean ablation of the hook. ' : ''}${used.some(({ key }) => key === 'liveShare') ? 'Live: fired at least once on this text; dense: on more than 10% of its tokens. ' : ''}Brackets: 95% intervals, bootstrap over documents.${definitionNote(data, used.map(({ key }) => key))}`,
    columns,
    rows: [...rows].sort(byArm(data)).map((row) => [row.arm, row.latents, row.targetL0 ?? null, row.seed ?? null, ...used.map(({ key }) => row.texts[text]?.[key] ?? null)]),
    armColumn: 'arm',
  };
}

function byArm(data: ReportData): (a: SaeRow, b: SaeRow) => number {
  const place = new Map(data.arms.map((arm, index) => [arm.id, index]));
  return (a, b) => (place.get(a.arm) ?? 99) - (place.get(b.arm) ?? 99) || a.latents - b.latents || (a.targetL0 ?? 0) - (b.targetL0 ?? 0) || (a.seed ?? 0) - (b.seed ?? 0);
}

import type { ReportSection, Table } from '../document.js';
import { panelName } from '../figures/metric-curves.js';
import { scalingLines } from '../figures/scaling-lines.js';
import { formatNumber } from '../number-format.js';
import type { ReportData, ScalingSection } from '../report-data.js';
import { sectionOf } from './sae-section.js';

/** Loss against width, with the law fitted to it; where the run has too few widths, what it would take. */
export function scalingReport(data: ReportData): ReportSection | undefined {
  const { scaling } = data;
  if (scaling === undefined) return undefined;
  return sectionOf('scaling', 'What more latents bring', [
    { kind: 'paragraph', text: introduction(scaling, data) },
    scalingLines(data),
    lawTable(scaling),
    pointTable(scaling),
  ]);
}

function introduction({ widths, needed, rows }: ScalingSection, { arms }: ReportData): string {
  const missing = `A law of the width needs at least ${needed} widths (grid.latents); this run has ${widths}`;
  if (rows.length === 0) return `${missing}, so nothing is fitted.`;
  const model = 'The model (arXiv 2509.02565): features fire with frequencies ∝ 1/i^(1+α) and a feature with n latents has loss 1/(n + 1)^β; latents go where they lower the loss most. With α < β further latents find further features and loss falls as 1/width^α; with β < α they tile manifolds that are represented already, loss falls as 1/width^β, and the number of distinct directions grows more slowly than the width.';
  if (widths < needed) return `${missing}, so the slope is given, but neither how well a law holds nor the exponents of the model. ${model}`;
  const found = rows.flatMap(({ arm, text, capacity }) => (text !== 'domain' || capacity === undefined ? [] : [`${arms.find(({ id }) => id === arm)?.label ?? arm}: ${capacity.regime === 'features' ? 'further features' : 'tiling of manifolds'}`]));
  return `${model} ${found.length === 0 ? 'The loss does not fall with the width here, so the model is not fitted.' : `What the slopes say on held-out domain text: ${found.join('; ')}.`} Widths this few make it an indication, not a finding.`;
}

function lawTable({ rows }: ScalingSection): Table | undefined {
  if (rows.length === 0) return undefined;
  const used = (has: (row: (typeof rows)[number]) => boolean): boolean => rows.some(has);
  return {
    kind: 'table',
    id: 'scaling-law',
    title: 'Fitted laws',
    caption:
      'Least squares of log FVU on log width: FVU ≈ coefficient · width^exponent. Widths are compared at one measured L0, the middle of the range that all of them cover (a dash: their ranges do not meet, and each is taken at the headline target). Brackets: 95% intervals, bootstrap over documents, and over seeds where several have every width; the choice of widths is not in them. D: live latents without a near-copy (decoder cosine above 0.9), first seed; it stands in for the number of features found.',
    columns: [
      { id: 'arm', label: 'Arm', heading: true },
      { id: 'text', label: 'Text' },
      { id: 'l0', label: 'L0', format: 'short3' },
      { id: 'seeds', label: 'Seeds', format: 'integer' },
      { id: 'exponent', label: 'Exponent', format: 'signed3' },
      { id: 'coefficient', label: 'Coefficient', format: 'short' },
      ...(used(({ r2 }) => r2 !== undefined) ? [{ id: 'r2', label: 'R² in log-log', format: 'fixed3' as const }] : []),
      ...(used(({ capacity }) => capacity !== undefined)
        ? [
            { id: 'directionsExponent', label: 'Exponent of D', format: 'signed3' as const },
            { id: 'alpha', label: 'α', format: 'fixed2' as const },
            { id: 'beta', label: 'β' },
          ]
        : []),
    ],
    rows: rows.map(({ arm, text, l0, seeds, exponent, coefficient, r2, capacity }) => [
      arm,
      text,
      l0 ?? null,
      seeds,
      exponent,
      coefficient,
      ...(used((row) => row.r2 !== undefined) ? [r2 ?? null] : []),
      ...(used((row) => row.capacity !== undefined)
        ? [capacity?.directionsExponent ?? null, capacity?.alpha ?? null, betaText(capacity)]
        : []),
    ]),
    armColumn: 'arm',
  };
}

function betaText(capacity: ScalingSection['rows'][number]['capacity']): string | null {
  if (capacity === undefined) return null;
  return capacity.beta === undefined ? 'above α' : formatNumber(capacity.beta, 'fixed2');
}

function pointTable({ rows }: ScalingSection): Table | undefined {
  const points = rows.flatMap(({ arm, text, points: own }) => own.map((point) => ({ arm, text, ...point })));
  if (points.length === 0) return undefined;
  return {
    kind: 'table',
    id: 'scaling-points',
    title: 'Loss at each width',
    caption: `FVU: fraction of variance unexplained (fvu_pooled@1) on ${panelName.domain} and ${panelName.broad}, mean over the seeds that have every width. Model: loss of the capacity-allocation model with the exponents above.`,
    columns: [
      { id: 'arm', label: 'Arm', heading: true },
      { id: 'text', label: 'Text' },
      { id: 'latents', label: 'Latents', format: 'integer' },
      { id: 'l0', label: 'L0', format: 'short3' },
      { id: 'fvu', label: 'FVU', format: 'fixed4' },
      { id: 'predicted', label: 'Model', format: 'fixed4' },
      { id: 'directions', label: 'D', format: 'integer' },
    ],
    rows: points.map(({ arm, text, latents, l0, loss, predicted, directions }) => [arm, text, latents, l0, loss, predicted ?? null, directions ?? null]),
    armColumn: 'arm',
  };
}

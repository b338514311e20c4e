import { interpolateAt } from './curve.js';
import type { CurvePoint } from './curve.js';
import { paperRows } from './paper-rows.js';
import type { PaperRow } from './paper-rows.js';
import type { MetricKey, ReportData, SaeRow } from './report-data.js';
import { oneWidth } from './widths.js';

/** One published row of arXiv 2508.09363 and what this run has at the same measured L0, on held-out domain text. */
export interface PaperComparison {
  readonly arm: 'domain' | 'broad';
  readonly nominalL0: number;
  readonly l0: number;
  readonly published: PaperNumbers;
  /**
   * Interpolated on log(measured L0) between the seeds' means; the measured L0 at the nearest end where the run's SAEs are all sparser or all
   * denser than the published one. Undefined where the run has no such arm.
   */
  readonly ours?: PaperNumbers & { readonly l0: number; readonly within: boolean };
}

export interface PaperNumbers {
  /** As the paper scored it: the domain SAE with BOS, Gemma Scope without. */
  readonly fve?: number;
  /** Special tokens left out of both arms; the paper's is an estimate for the domain arm. */
  readonly fveWithoutBos?: number;
  readonly lossRecovered?: number;
  readonly deltaCe?: number;
}

/** The paper's published rows beside a run's, row by row; `data.paper` names the setting and which arms stand for the paper's two. */
export function comparePaper(data: ReportData): readonly PaperComparison[] {
  const { setting, domainArm, broadArm } = data.paper ?? { setting: '2b-16k', domainArm: 'domain', broadArm: 'broad' };
  return paperRows(setting).map((row) => {
    const arm = data.saes.filter((sae) => sae.arm === (row.arm === 'domain' ? domainArm : broadArm));
    const ours = numbersAt(oneWidth(arm), row);
    return { arm: row.arm, nominalL0: row.nominalL0, l0: row.l0, published: published(row), ...(ours === undefined ? {} : { ours }) };
  });
}

function published(row: PaperRow): PaperNumbers {
  const without = row.arm === 'broad' ? row.fve : row.fveWithoutBos;
  return { fve: row.fve, ...(without === undefined ? {} : { fveWithoutBos: without }), lossRecovered: row.lossRecovered, deltaCe: row.deltaCe };
}

function numbersAt(saes: readonly SaeRow[], row: PaperRow): PaperComparison['ours'] {
  const measured = saes.flatMap((sae) => sae.texts.domain?.l0.value ?? []);
  if (measured.length === 0) return undefined;
  const [least, most] = [Math.min(...measured), Math.max(...measured)];
  const l0 = Math.min(most, Math.max(least, row.l0));
  const at = (key: MetricKey, withBos = false): number | undefined => meanOverSeeds(saes, { key, withBos, l0 });
  const found = { fve: at('fve', row.arm === 'domain'), fveWithoutBos: at('fve'), lossRecovered: at('lossRecoveredZero'), deltaCe: at('deltaCe') };
  const numbers = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as PaperNumbers;
  return { l0, within: l0 === row.l0, ...numbers };
}

/** One curve through the seeds' mean at each target, read at one L0 or at the curve's nearest end. */
function meanOverSeeds(saes: readonly SaeRow[], of: { readonly key: MetricKey; readonly withBos: boolean; readonly l0: number }): number | undefined {
  const targets = [...new Set(saes.map((sae) => sae.targetL0))];
  const curve = targets.flatMap((target): readonly CurvePoint[] => {
    const points = saes
      .filter((sae) => sae.targetL0 === target)
      .flatMap(({ texts: { domain } }) => {
        const value = (of.withBos ? domain?.withBos : domain)?.[of.key]?.value;
        return domain === undefined || value === undefined ? [] : [{ l0: domain.l0.value, value }];
      });
    if (points.length === 0) return [];
    const mean = (side: 'l0' | 'value'): number => points.reduce((sum, point) => sum + point[side], 0) / points.length;
    return [{ l0: mean('l0'), measure: { value: mean('value') } }];
  });
  if (curve.length === 0) return undefined;
  const l0s = curve.map((point) => point.l0);
  return interpolateAt(curve, Math.min(Math.max(...l0s), Math.max(Math.min(...l0s), of.l0)))?.value;
}

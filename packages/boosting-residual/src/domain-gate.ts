import { SalmonError } from '@salmon-sae/dataflow';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import { solveSpd } from './solve-spd.js';

/**
 * Opens a residual SAE only on tokens that look like its domain: open where direction . x > threshold. Plain data, so that a gated ensemble
 * can be stored. Not part of the published method; an ensemble without gates is the published one.
 */
export interface DomainGate {
  readonly kind: 'linear';
  /** [width] */
  readonly direction: Float32Array;
  readonly threshold: number;
}

export interface GateOptions {
  /** Ridge on the pooled covariance, relative to its mean variance; keeps the fit stable when tokens are few. */
  readonly ridge: number;
  /** Share of domain tokens that the gate must let through; the threshold is their matching quantile. */
  readonly domainShare: number;
}

export const gateDefaults: GateOptions = { ridge: 1e-3, domainShare: 0.95 };

/** Which rows a gate opens, ascending. */
export function openRows(gate: DomainGate, x: Float32Array, rows: number): Int32Array {
  const open = new Int32Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row++) if (project(gate.direction, x, row) > gate.threshold) open[count++] = row;
  return open.subarray(0, count);
}

/**
 * Fits a gate by Fisher's linear discriminant between tokens of the domain and tokens of broad text (both [rows, width], raw activations):
 * direction = (S + ridge)^-1 (mean_domain - mean_broad), S the pooled within-class covariance; float64. The threshold is the quantile of the
 * domain tokens' projections that lets `domainShare` of them through. Throws `no-data` with fewer than two rows of either.
 */
export function fitGate(domain: ActivationBatch, broad: ActivationBatch, options: Partial<GateOptions> = {}): DomainGate {
  const { ridge, domainShare } = { ...gateDefaults, ...options };
  const width = domain.site.width;
  if (broad.site.width !== width) {
    throw new SalmonError('bad-shape', {
      what: 'The two samples of a domain gate have different widths',
      expected: `width ${width}`,
      got: `width ${broad.site.width}`,
    });
  }
  if (domain.rows < 2 || broad.rows < 2) {
    throw new SalmonError('no-data', {
      what: 'A domain gate needs tokens of both texts',
      expected: 'at least 2 rows each',
      got: `${domain.rows} domain rows, ${broad.rows} broad rows`,
    });
  }
  const covariance = new Float64Array(width * width);
  const meanDomain = addScatter(covariance, domain);
  const meanBroad = addScatter(covariance, broad);
  const n = domain.rows + broad.rows - 2;
  let trace = 0;
  for (let i = 0; i < covariance.length; i++) covariance[i]! /= n;
  for (let i = 0; i < width; i++) trace += covariance[i * width + i]!;
  for (let i = 0; i < width; i++) covariance[i * width + i]! += ridge * (trace / width) + Number.MIN_VALUE;
  const direction = Float32Array.from(solveSpd(covariance, meanDomain.map((m, i) => m - meanBroad[i]!)));
  const scores = Float64Array.from({ length: domain.rows }, (_, row) => project(direction, domain.values, row)).sort();
  const cut = Math.min(domain.rows - 1, Math.floor((1 - domainShare) * domain.rows));
  // Strictly below the quantile's own token, so that "greater than" lets that token through.
  const threshold = cut === 0 ? scores[0]! - Math.abs(scores[0]!) * 1e-6 - 1e-12 : (scores[cut - 1]! + scores[cut]!) / 2;
  return { kind: 'linear', direction, threshold };
}

function project(direction: Float32Array, x: Float32Array, row: number): number {
  let sum = 0;
  for (let i = 0, at = row * direction.length; i < direction.length; i++, at++) sum += direction[i]! * x[at]!;
  return sum;
}

function addScatter(covariance: Float64Array, { rows, values, site }: ActivationBatch): Float64Array {
  const width = site.width;
  const mean = new Float64Array(width);
  for (let row = 0; row < rows; row++) for (let i = 0; i < width; i++) mean[i]! += values[row * width + i]! / rows;
  const centred = new Float64Array(width);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) centred[i] = values[row * width + i]! - mean[i]!;
    for (let i = 0; i < width; i++) {
      const c = centred[i]!;
      for (let j = 0; j < width; j++) covariance[i * width + j]! += c * centred[j]!;
    }
  }
  return mean;
}

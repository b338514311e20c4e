import type { SparseCodes } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { ReadableSae } from './absorption.js';

/** A probe's unit direction, and each decoder row along it. */
export interface ProbeDirection {
  readonly unit: Float64Array;
  /** [latents] W_dec_i · unit */
  readonly along: Float64Array;
  /** [latents] cosine of decoder row and probe */
  readonly cosine: Float64Array;
}

export interface WordScore {
  readonly full: boolean;
  readonly fraction: number;
  /** The latent with the largest projection on the probe among those that are not split latents; −1 where none is active. */
  readonly absorber: number;
}

export interface AbsorbedWord extends WordScore {
  readonly word: string;
}

/** SAEBench's constants. */
const SILENT = 1e-8;
const MIN_COSINE_FULL = 0.025;
const MIN_COSINE_FRACTION = 0.1;
const MIN_PROJECTION = 0.4;
const ABSORBERS = 3;

/**
 * SAEBench absorption of one true positive: P = x · probe, proj_i = f_i W_dec_i · probe, M = Σ proj of the split latents.
 * Full: every split latent silent, P ≥ 0, and the latent of largest projection has cosine ≥ 0.025 and proj ≥ 0.4 P.
 * Fraction: A = the three largest projections of other latents with cosine ≥ 0.1; 0 if M ≥ P or A < 0.4 P; 1 if M ≤ 0; else
 * A' / (A' + M) with A' = min(A, P − M).
 */
export function scoreWord(
  { x, codes, row }: { readonly x: ArrayLike<number>; readonly codes: SparseCodes; readonly row: number },
  probe: ProbeDirection,
  split: readonly number[],
): WordScore {
  let p = 0;
  for (let d = 0; d < probe.unit.length; d++) p += (x[d] as number) * (probe.unit[d] as number);
  let main = 0;
  let silent = true;
  let top = Number.NEGATIVE_INFINITY;
  let absorber = -1;
  const others: number[] = [];
  for (let i = codes.indptr[row] as number; i < (codes.indptr[row + 1] as number); i++) {
    const f = codes.indices[i] as number;
    const activation = codes.values[i] as number;
    const projection = activation * (probe.along[f] as number);
    if (split.includes(f)) {
      main += projection;
      if (activation >= SILENT) silent = false;
      continue;
    }
    if (projection > top) {
      top = projection;
      absorber = f;
    }
    if ((probe.cosine[f] as number) >= MIN_COSINE_FRACTION && projection > 0) others.push(projection);
  }
  const absorbed = others.sort((a, b) => b - a).slice(0, ABSORBERS).reduce((a, b) => a + b, 0);
  const full = silent && p > 0 && absorber !== -1 && (probe.cosine[absorber] as number) >= MIN_COSINE_FULL && top / p >= MIN_PROJECTION;
  return { full, fraction: fractionOf(p, main, absorbed), absorber };
}

function fractionOf(p: number, main: number, absorbed: number): number {
  if (!(p > 0) || main >= p || absorbed / p < MIN_PROJECTION) return 0;
  if (main <= 0) return 1;
  const part = Math.min(absorbed, p - main);
  return Math.min(1, Math.max(0, part / (part + main)));
}

/** Each decoder row along a unit direction, and its cosine with it. */
export function decoderAlong(sae: ReadableSae, unit: ArrayLike<number>): Pick<ProbeDirection, 'along' | 'cosine'> {
  const decoder = sae.state.weights['W_dec']?.data;
  const width = unit.length;
  if (decoder === undefined || decoder.length !== sae.latents * width) {
    throw new SalmonError('bad-shape', {
      what: 'The SAE has no decoder of the probe’s width',
      where: 'W_dec',
      expected: `[${sae.latents}, ${width}]`,
      got: decoder === undefined ? 'none' : `${decoder.length} numbers`,
    });
  }
  const along = new Float64Array(sae.latents);
  const cosine = new Float64Array(sae.latents);
  for (let f = 0; f < sae.latents; f++) {
    let dot = 0;
    let square = 0;
    for (let d = 0; d < width; d++) {
      const w = decoder[f * width + d] as number;
      dot += w * (unit[d] as number);
      square += w * w;
    }
    along[f] = dot;
    cosine[f] = square > 0 ? dot / Math.sqrt(square) : 0;
  }
  return { along, cosine };
}

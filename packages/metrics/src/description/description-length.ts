import type { ActivationBatch, SparseCodes } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { ObservableInput } from 'rxjs';
import { from, lastValueFrom, tap } from 'rxjs';
import { drawCounts } from '../documents/document-bootstrap.js';
import type { Sampled } from '../documents/estimate.js';
import { recentred } from '../documents/estimate.js';
import type { Reconstructor } from '../reconstruction/named-sae.js';
import { checkBatch } from '../reconstruction/check-batch.js';
import { documentGroups } from '../sparsity/latent-counts.js';
import { addHistogram, codeBits, emptyHistogram } from './code-histogram.js';
import type { CodeHistogram, CodeRange } from './code-histogram.js';

/** An SAE whose codes can be changed before decoding. */
export interface DecodingSae extends Reconstructor {
  decode(codes: SparseCodes): Float32Array;
}

export interface DescriptionLengthOptions {
  /** Histogram bins tried (default 4, 6, 8, 12, 16, 32: SAEBench's). */
  readonly bins?: readonly number[];
  /** Largest rise of the normalised MSE that quantising may cost (default 0.01). */
  readonly epsilon?: number;
  /** Document groups for the interval (default 32) and replicates (default 200). */
  readonly groups?: number;
  readonly replicates?: number;
  readonly seed?: number;
}

export interface Quantisation {
  readonly bins: number;
  readonly bitsPerToken: number;
  /** Normalised MSE with quantised minus with exact codes. */
  readonly cost: number;
  readonly accepted: boolean;
}

export interface DescriptionLength {
  /** `description_length@1`, bits per token; NaN when no quantisation keeps within epsilon. */
  readonly bits: Sampled;
  readonly settings: readonly Quantisation[];
  /** L0 · (32 + log2 latents): the same codes as (index, float32) pairs. */
  readonly boundBits: number;
}

/**
 * `description_length@1` (MDL-SAEs, arXiv 2410.11179; SAEBench's search): Σ_i H_b(p_i) + p_i H(q_i) bits per token, p_i the firing
 * frequency of latent i and q_i the histogram of its non-zero activations on equal-width bins between its smallest and largest;
 * the least over the bin counts whose quantised codes (bin centres) raise the normalised MSE by at most epsilon. Two passes over
 * `open()`. The decoder's own cost is not included.
 */
export async function descriptionLength(
  sae: DecodingSae,
  open: () => ObservableInput<ActivationBatch>,
  options: DescriptionLengthOptions = {},
): Promise<DescriptionLength> {
  const bins = options.bins ?? [4, 6, 8, 12, 16, 32];
  const groups = options.groups ?? 32;
  const pass = async (use: (batch: ActivationBatch) => void): Promise<void> => {
    const checked = tap((batch: ActivationBatch) => {
      checkBatch(batch, [{ name: 'sae', sae }], sae.outWidth);
      use(batch);
    });
    await lastValueFrom(from(open()).pipe(checked), { defaultValue: undefined });
  };

  const range: CodeRange = { low: new Float64Array(sae.latents).fill(Infinity), high: new Float64Array(sae.latents).fill(-Infinity) };
  let tokens = 0;
  let active = 0;
  await pass((batch) => {
    const { codes } = sae.run(batch.values, batch.rows);
    tokens += batch.rows;
    codes.values.forEach((v, i) => {
      if (v === 0) return;
      const f = codes.indices[i] as number;
      active++;
      range.low[f] = Math.min(range.low[f] as number, v);
      range.high[f] = Math.max(range.high[f] as number, v);
    });
  });
  if (tokens === 0) throw new SalmonError('no-data', { what: 'No activation rows to describe', expected: 'at least one row', got: 'an empty stream' });

  const histograms = bins.map((n) => emptyHistogram(sae.latents, n, groups));
  const cost = new Float64Array(bins.length);
  await pass((batch) => {
    const grouped = documentGroups(batch.origin.docs, groups);
    const group = batch.origin.doc.map((d) => grouped[d] as number);
    const { codes } = sae.run(batch.values, batch.rows);
    const x = batch.target ?? batch.values;
    const exact = relativeError(x, sae.decode(codes), sae.outWidth);
    histograms.forEach((histogram, b) => {
      const quantised = addHistogram(histogram, { codes, group, range });
      const after = relativeError(x, sae.decode({ ...codes, values: quantised }), sae.outWidth);
      cost[b] = (cost[b] as number) + (after - exact) / tokens;
    });
  });

  const ones = new Float64Array(groups).fill(1);
  const settings = histograms.map((histogram, b): Quantisation => {
    const bitsPerToken = codeBits(histogram, ones);
    return { bins: bins[b] as number, bitsPerToken, cost: cost[b] as number, accepted: (cost[b] as number) <= (options.epsilon ?? 0.01) };
  });
  const best = settings.reduce<number>((at, s, b) => (s.accepted && (at === -1 || s.bitsPerToken < (settings[at] as Quantisation).bitsPerToken) ? b : at), -1);
  return {
    bits: best === -1 ? { metric: 'description_length@1', value: Number.NaN, samples: new Float64Array(0), key: '' } : sampleBits(histograms[best] as CodeHistogram, options),
    settings,
    boundBits: (active / tokens) * (32 + Math.log2(sae.latents)),
  };
}

/** Resampling document groups only lowers entropies, so the replicates are re-centred on the value. */
function sampleBits(histogram: CodeHistogram, options: DescriptionLengthOptions): Sampled {
  const used = [...histogram.tokens.keys()].filter((g) => (histogram.tokens[g] as number) > 0);
  const replicates = used.length < 2 ? 0 : (options.replicates ?? 200);
  const seed = options.seed ?? 0;
  const draws = drawCounts(used.length, replicates, seed);
  const weights = new Float64Array(histogram.groups);
  const samples = Float64Array.from({ length: replicates }, (_, r) => {
    used.forEach((g, u) => (weights[g] = draws[r * used.length + u] as number));
    return codeBits(histogram, weights);
  });
  const value = codeBits(histogram, new Float64Array(histogram.groups).fill(1));
  return recentred({ metric: 'description_length@1', value, samples, key: `groups:${histogram.groups}:${histogram.tokens.join()}:${replicates}:${seed}` });
}

/** Σ_t ‖x − x̂‖² / ‖x‖² */
function relativeError(x: Float32Array, recon: Float32Array, width: number): number {
  let total = 0;
  for (let at = 0; at < x.length; at += width) {
    let e2 = 0;
    let x2 = 0;
    for (let d = at; d < at + width; d++) {
      e2 += ((x[d] as number) - (recon[d] as number)) ** 2;
      x2 += (x[d] as number) ** 2;
    }
    if (x2 > 0) total += e2 / x2;
  }
  return total;
}

import type { SparseCodes } from '@salmon-sae/dataflow';

/** Smallest and largest non-zero activation of each latent. */
export interface CodeRange {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** Histograms of non-zero activations, [groups * latents * bins]: groups * latents * bins * 4 bytes. */
export interface CodeHistogram {
  readonly latents: number;
  readonly bins: number;
  readonly groups: number;
  readonly counts: Uint32Array;
  /** [groups] */
  readonly tokens: Float64Array;
}

export function emptyHistogram(latents: number, bins: number, groups: number): CodeHistogram {
  return { latents, bins, groups, counts: new Uint32Array(groups * latents * bins), tokens: new Float64Array(groups) };
}

/** Counts codes into the histogram and returns them quantised to bin centres. */
export function addHistogram(
  histogram: CodeHistogram,
  { codes, group, range }: { readonly codes: SparseCodes; readonly group: Int32Array; readonly range: CodeRange },
): Float32Array {
  const { bins, latents, counts, tokens } = histogram;
  const out = new Float32Array(codes.values.length);
  for (let t = 0; t < codes.rows; t++) {
    const g = group[t] as number;
    tokens[g] = (tokens[g] as number) + 1;
    for (let i = codes.indptr[t] as number; i < (codes.indptr[t + 1] as number); i++) {
      const v = codes.values[i] as number;
      if (v === 0) continue;
      const f = codes.indices[i] as number;
      const low = range.low[f] as number;
      const step = ((range.high[f] as number) - low) / bins;
      const bin = step > 0 ? Math.min(bins - 1, Math.max(0, Math.floor((v - low) / step))) : 0;
      out[i] = step > 0 ? low + (bin + 0.5) * step : v;
      const at = (g * latents + f) * bins + bin;
      counts[at] = (counts[at] as number) + 1;
    }
  }
  return out;
}

/** Σ_i H_b(p_i) + p_i H(q_i), bits per token, with each group counted `weights[g]` times. */
export function codeBits({ latents, bins, groups, counts, tokens }: CodeHistogram, weights: Float64Array): number {
  let total = 0;
  for (let g = 0; g < groups; g++) total += (weights[g] as number) * (tokens[g] as number);
  const q = new Float64Array(bins);
  let bits = 0;
  for (let f = 0; f < latents; f++) {
    q.fill(0);
    for (let g = 0; g < groups; g++) {
      const w = weights[g] as number;
      if (w === 0) continue;
      const at = (g * latents + f) * bins;
      for (let b = 0; b < bins; b++) q[b] = (q[b] as number) + w * (counts[at + b] as number);
    }
    let fired = 0;
    for (let b = 0; b < bins; b++) fired += q[b] as number;
    if (fired === 0) continue;
    let entropy = 0;
    for (let b = 0; b < bins; b++) {
      const n = q[b] as number;
      if (n > 0) entropy -= (n / fired) * Math.log2(n / fired);
    }
    const p = fired / total;
    bits += binaryEntropy(p) + p * entropy;
  }
  return bits;
}

/** H_b(p) in bits. */
export function binaryEntropy(p: number): number {
  return p <= 0 || p >= 1 ? 0 : -p * Math.log2(p) - (1 - p) * Math.log2(1 - p);
}

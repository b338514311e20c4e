import type { SparseCodes } from '@salmon-sae/dataflow';
import { decoderAlong } from '../absorption/absorbed-word.js';
import type { ReadableSae } from '../absorption/absorption.js';
import { meanDifference, topIndices } from '../probes/labelled-rows.js';
import type { LogisticProbe } from '../probes/logistic-regression.js';
import { logits } from '../probes/logistic-regression.js';
import type { EncodedRows } from '../probes/pool-groups.js';

/** [latents] mean activation over all rows. */
export function meanCodes(codes: SparseCodes): Float64Array {
  const mean = new Float64Array(codes.latents);
  codes.indices.forEach((f, i) => (mean[f] = (mean[f] as number) + (codes.values[i] as number) / codes.rows));
  return mean;
}

/**
 * Latents by their effect on a probe: (mean activation difference between classes) · (W_dec_i · probe), largest first; a latent that
 * argues for either class scores positive (SAEBench's attribution for TPP and SCR).
 */
export function latentsByEffect(sae: ReadableSae, codes: SparseCodes, { positive, probe, n }: { positive: ArrayLike<number>; probe: LogisticProbe; n: number }): readonly number[] {
  const { along } = decoderAlong(sae, probe.weights);
  const effect = meanDifference(codes, positive).map((m, f) => m * (along[f] as number));
  return topIndices(effect, n).filter((f) => (effect[f] as number) > 0);
}

export interface Ablation {
  readonly probe: LogisticProbe;
  readonly ablated: readonly number[];
  /** [latents] what the ablated latents are set to; default 0. */
  readonly to?: ArrayLike<number>;
}

/**
 * [rows] logits of a probe on x − Σ_{i ablated} (f_i − to_i) W_dec_i: the latents are taken out of the activation, the SAE's error
 * stays in.
 */
export function ablatedLogits(sae: ReadableSae, data: EncodedRows, { probe, ablated, to }: Ablation): Float64Array {
  const { along } = decoderAlong(sae, probe.weights);
  const shift = to === undefined ? 0 : ablated.reduce((sum, f) => sum + (to[f] as number) * (along[f] as number), 0);
  const out = logits(data.rows, probe).map((l) => l + shift);
  const gone = new Set(ablated);
  const { indptr, indices, values } = data.codes;
  for (let t = 0; t < out.length; t++) {
    for (let i = indptr[t] as number; i < (indptr[t + 1] as number); i++) {
      const f = indices[i] as number;
      if (gone.has(f)) out[t] = (out[t] as number) - (values[i] as number) * (along[f] as number);
    }
  }
  return out;
}

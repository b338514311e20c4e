import type { NdArray } from '@salmon-sae/dataflow';
import type { ArchitectureConfig, ArrayMap } from '../architectures/architecture.js';
import { sharedFields } from '../architectures/base-config.js';
import { columnMean, geometricMedian } from './geometric-median.js';
import type { Scales, TrainBatch } from './normalisation.js';

/** Biases that start at the centre of the first batch (in training units), where the configuration asks for that. */
export function biasFromData(
  sae: ArchitectureConfig,
  params: ArrayMap,
  data: { readonly sample: readonly TrainBatch[]; readonly scales: Scales },
): Record<string, NdArray> {
  const kind = sharedFields(sae).decoderBiasInit ?? 'zero';
  const first = data.sample[0];
  if (kind === 'zero' || first === undefined) return {};
  const centre = (values: Float32Array, scale: number): Float32Array => {
    const width = values.length / first.rows;
    const raw = kind === 'mean' ? Float32Array.from(columnMean(values, width)) : geometricMedian(values, width);
    return raw.map((v) => v / scale);
  };
  const out: Record<string, NdArray> = {};
  const bias = params['b_dec'];
  if (bias !== undefined) out['b_dec'] = { shape: bias.shape, data: centre(first.target ?? first.values, data.scales.output) };
  const router = params['b_router'];
  if (router !== undefined) out['b_router'] = { shape: router.shape, data: centre(first.values, data.scales.input) };
  return out;
}

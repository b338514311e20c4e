import { SalmonError } from '@salmon-sae/dataflow';
import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { checkState } from '@salmon-sae/sae-core';

/** The arrays of an SAE that belong to single latents, and the axis on which latents lie. */
const latentAxis: Readonly<Record<string, 0 | 1>> = { W_enc: 1, W_dec: 0, b_enc: 0, threshold: 0, b_gate: 0, b_mag: 0, r_mag: 0 };

/** Per-latent arrays of some latents: what a latent is, without the SAE around it. */
export interface LatentRows {
  readonly count: number;
  readonly arrays: Readonly<Record<string, NdArray>>;
}

/** Copies the latents `indices` out of an SAE. Throws `unsupported` for kinds whose latents do not stand alone. */
export function takeLatents(state: SaeState, indices: ArrayLike<number>): LatentRows {
  const latents = latentCount(state);
  const arrays = perLatent(state).map(([name, array]): readonly [string, NdArray] => [name, picked(name, array, { latents, indices })]);
  return { count: indices.length, arrays: Object.fromEntries(arrays) };
}

/** The SAE with further latents behind its own; everything else stays. */
export function appendLatents(state: SaeState, rows: LatentRows): SaeState {
  const latents = latentCount(state);
  const grown = perLatent(state).map(([name, array]): readonly [string, NdArray] => [name, joined(name, array, { more: rows.arrays[name]!, latents, count: rows.count })]);
  return withLatents(state, latents + rows.count, Object.fromEntries(grown));
}

/** The SAE with its latents `indices` replaced, in order; arrays that the rows do not have (a threshold, say) stay. */
export function replaceLatents(state: SaeState, indices: ArrayLike<number>, rows: LatentRows): SaeState {
  const latents = latentCount(state);
  const changed = perLatent(state).map(([name, array]): readonly [string, NdArray] => {
    const from = rows.arrays[name]?.data;
    if (from === undefined) return [name, array];
    const data = array.data.slice();
    const inner = array.data.length / latents;
    for (let i = 0; i < rows.count; i++) {
      for (let j = 0; j < inner; j++) {
        if (latentAxis[name] === 0) data[indices[i]! * inner + j] = from[i * inner + j]!;
        else data[j * latents + indices[i]!] = from[j * rows.count + i]!;
      }
    }
    return [name, { shape: array.shape, data }];
  });
  return withLatents(state, latents, Object.fromEntries(changed));
}

/** How many latents an SAE has. */
export function latentCount(state: SaeState): number {
  const { activation, d_sae } = checkState(state);
  if (!['standard', 'jumprelu', 'topk', 'gated'].includes(activation)) {
    throw new SalmonError('unsupported', {
      what: `Latents of a ${state.config.kind} SAE cannot be moved one by one`,
      expected: 'a ReLU, JumpReLU, TopK or Gated SAE',
      got: state.config.kind,
    });
  }
  return d_sae;
}

/** Per-latent arrays in a fixed order; a missing b_enc is zeros. */
function perLatent(state: SaeState): readonly (readonly [string, NdArray])[] {
  const latents = latentCount(state);
  const zeros = { shape: [latents], data: new Float32Array(latents) };
  const weights: Readonly<Record<string, NdArray>> = state.weights['b_enc'] === undefined && state.weights['b_mag'] === undefined ? { ...state.weights, b_enc: zeros } : state.weights;
  return Object.entries(weights).filter(([name]) => name in latentAxis);
}

function withLatents(state: SaeState, latents: number, arrays: Readonly<Record<string, NdArray>>): SaeState {
  return { ...state, config: { ...state.config, d_sae: latents }, weights: { ...state.weights, ...arrays } };
}

function picked(name: string, array: NdArray, { latents, indices }: { readonly latents: number; readonly indices: ArrayLike<number> }): NdArray {
  const inner = array.data.length / latents;
  const data = new Float32Array(inner * indices.length);
  const shape = array.shape.map((size, axis) => (axis === latentAxis[name] ? indices.length : size));
  for (let i = 0; i < indices.length; i++) {
    const latent = indices[i]!;
    for (let j = 0; j < inner; j++) {
      if (latentAxis[name] === 0) data[i * inner + j] = array.data[latent * inner + j]!;
      else data[j * indices.length + i] = array.data[j * latents + latent]!;
    }
  }
  return { shape, data };
}

function joined(name: string, array: NdArray, { more, latents, count }: { readonly more: NdArray; readonly latents: number; readonly count: number }): NdArray {
  const total = latents + count;
  const shape = array.shape.map((size, axis) => (axis === latentAxis[name] ? total : size));
  const data = new Float32Array(array.data.length + more.data.length);
  if (latentAxis[name] === 0) {
    data.set(array.data);
    data.set(more.data, array.data.length);
  } else {
    for (let row = 0; row < array.data.length / latents; row++) {
      data.set(array.data.subarray(row * latents, (row + 1) * latents), row * total);
      data.set(more.data.subarray(row * count, (row + 1) * count), row * total + latents);
    }
  }
  return { shape, data };
}

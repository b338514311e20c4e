import { SalmonError } from '@salmon-sae/dataflow';
import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { resolveConfig } from './config.js';
import type { ResolvedConfig } from './config.js';

/** The tensors that a kind of SAE has, with their shapes. `b_enc` and `b_dec` may be missing in a state (zeros); files hold them. */
export function tensorShapes(config: ResolvedConfig): Readonly<Record<string, readonly number[]>> {
  const { d_in: d, d_sae: f, d_out: out, activation } = config;
  const shapes: Record<string, readonly number[]> = { W_dec: [f, out], b_dec: [out] };
  if (activation === 'temporal') {
    if (!config.tied_weights) shapes['W_enc'] = [d, f];
    const inner = f / config.bottleneck_factor;
    for (let layer = 0; layer < config.n_attn_layers; layer++) {
      for (const [part, size] of [['k_ctx', inner], ['q_target', inner], ['v_ctx', f], ['c_proj', f]] as const) {
        shapes[`attn_layers.${layer}.${part}.weight`] = [size, f];
        shapes[`attn_layers.${layer}.${part}.bias`] = [size];
      }
    }
  } else if (activation !== 'matching_pursuit') shapes['W_enc'] = [d, f];
  if (activation === 'gated') for (const name of ['b_gate', 'b_mag', 'r_mag']) shapes[name] = [f];
  if (['standard', 'jumprelu', 'topk', 'groupmax', 'switch'].includes(activation)) shapes['b_enc'] = [f];
  if (activation === 'jumprelu') shapes['threshold'] = [f];
  if (activation === 'switch') {
    shapes['W_router'] = [d, config.experts];
    shapes['b_router'] = [d];
  }
  if (config.skip) shapes['W_skip'] = [out, d];
  return shapes;
}

const MAY_BE_MISSING = new Set(['b_enc', 'b_dec']);

/**
 * Checks that a state has every tensor its kind needs, of the right shape and finite.
 * @throws SalmonError `bad-shape` or `bad-file` naming the tensor and both shapes.
 */
export function checkState(state: SaeState, where = 'SAE weights'): ResolvedConfig {
  const config = resolveConfig(state);
  for (const [name, shape] of Object.entries(tensorShapes(config))) {
    const array = state.weights[name];
    if (array !== undefined) checkTensor(name, array, shape, where);
    else if (!MAY_BE_MISSING.has(name)) {
      const expected = `${name} of shape [${shape.join(', ')}] for a ${state.config.kind} SAE`;
      throw new SalmonError('bad-shape', { what: `Tensor "${name}" is missing`, where, expected, got: Object.keys(state.weights).join(', ') });
    }
  }
  return config;
}

/** Refuses a wrong shape (saying when the transpose would fit) and values that are not finite. */
export function checkTensor(name: string, array: NdArray, shape: readonly number[], where: string): void {
  const same = array.shape.length === shape.length && array.shape.every((size, axis) => size === shape[axis]);
  if (!same || array.data.length !== shape.reduce((a, b) => a * b, 1)) {
    const turned = shape.length === 2 && array.shape[0] === shape[1] && array.shape[1] === shape[0] && shape[0] !== shape[1];
    throw new SalmonError('bad-shape', {
      what: `Tensor "${name}" has the wrong shape`,
      where,
      expected: `[${shape.join(', ')}]`,
      got: `[${array.shape.join(', ')}] with ${array.data.length} elements`,
      ...(turned ? { todo: 'The tensor looks transposed; this format stores it the other way round' } : {}),
    });
  }
  const data = array.data;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (value - value !== 0) {
      throw new SalmonError('bad-file', { what: `Tensor "${name}" is not finite`, where, expected: 'finite weights', got: `${value} at element ${i} of [${shape.join(', ')}]` });
    }
  }
}

import { SalmonError } from '@salmon-sae/dataflow';
import type { Json, NdArray, SaeState } from '@salmon-sae/dataflow';
import { checkState } from '../inference/check-state.js';
import { rowNorms } from '../inference/decode-rows.js';
import { scaled } from './sae-source.js';

type Weights = Readonly<Record<string, NdArray>>;

/**
 * Folds the factor that a dataset's activations were multiplied by, so that the SAE takes raw activations:
 * W_enc *= s, W_dec /= s, b_dec /= s; b_enc, thresholds and gates stay, because the pre-activations do. The activations stay the same.
 * @throws SalmonError `unsupported` where the factor does not pass through the encoder linearly (matching pursuit, temporal,
 * run-time normalisation), or would move a skip connection's output.
 */
export function foldDatasetNorm(state: SaeState, factor: number): SaeState {
  const config = checkState(state);
  if (!(factor > 0) || !Number.isFinite(factor)) {
    throw new SalmonError('bad-config', { what: 'Scaling factor is not positive', where: 'foldDatasetNorm', expected: 'a number > 0', got: String(factor) });
  }
  const { activation, normalize_activations: normalize } = config;
  if (activation === 'matching_pursuit' || activation === 'temporal') refuse(`A ${activation} SAE ties encoder and decoder`, activation);
  if (normalize !== 'none' && normalize !== 'expected_average_only_in') refuse('Run-time normalisation undoes any factor', normalize);
  // The skip connection maps scaled input to scaled output, so W_skip needs no factor.
  // Top-k on decoder norms compares pre * ||W_dec||: all norms change alike, so the choice stays; activations scale by 1 / s.
  const weights = mapWeights(state.weights, {
    W_enc: (array) => scaled(array, factor),
    W_dec: (array) => scaled(array, 1 / factor),
    b_dec: (array) => scaled(array, 1 / factor),
    W_router: (array) => scaled(array, factor),
    b_router: (array) => scaled(array, 1 / factor),
  });
  return { ...state, weights, config: { ...state.config, normalize_activations: 'none' } };
}

/**
 * Gives every decoder row unit norm and moves the norm n_i into the encoder: W_dec_i /= n_i; W_enc[:,i], b_enc_i, threshold_i, b_gate_i, b_mag_i *= n_i
 * (r_mag stays). Reconstructions stay the same; activations are multiplied by n_i (or stay, where they already carried it). Rows of norm 0 stay.
 * @throws SalmonError `unsupported` where the norms decide which latents win (top-k without `rescale_acts_by_decoder_norm`, group-max, switch, matching pursuit, temporal).
 */
export function foldDecoderNorm(state: SaeState): SaeState {
  const config = checkState(state);
  const { activation } = config;
  if (activation === 'matching_pursuit' || activation === 'temporal') refuse(`A ${activation} SAE ties encoder and decoder`, activation);
  if (activation === 'groupmax' || activation === 'switch' || (activation === 'topk' && !config.rescale_acts_by_decoder_norm)) {
    refuse('Folding decoder norms would change which latents win', 'selection on activations without decoder norms');
  }
  const W_dec = state.weights['W_dec'] as NdArray;
  const norms = rowNorms(W_dec.data, config.d_sae).map((norm) => (norm === 0 ? 1 : norm));
  const byLatent = (array: NdArray): NdArray => ({ shape: array.shape, data: array.data.map((value, i) => value * (norms[i % config.d_sae] as number)) });
  const out = config.d_out;
  const weights = mapWeights(state.weights, {
    W_dec: (array) => ({ shape: array.shape, data: array.data.map((value, i) => value / (norms[Math.floor(i / out)] as number)) }),
    W_enc: byLatent,
    b_enc: byLatent,
    threshold: byLatent,
    b_gate: byLatent,
    b_mag: byLatent,
  });
  const cleared: Record<string, Json> = activation === 'topk' ? { rescale_acts_by_decoder_norm: false } : {};
  return { ...state, weights, config: { ...state.config, ...cleared } };
}

/**
 * The same SAE without subtracting b_dec from the input: b_enc (or b_gate and b_mag) take over, b_enc' = b_enc - b_dec W_enc.
 * @throws SalmonError `unsupported` for tied or run-time-normalised SAEs, where b_dec cannot move.
 */
export function foldInputBias(state: SaeState): SaeState {
  const config = checkState(state);
  if (!config.apply_b_dec_to_input) return state;
  const { activation, normalize_activations: normalize } = config;
  if (activation === 'matching_pursuit' || activation === 'temporal') refuse(`A ${activation} SAE ties encoder and decoder`, activation);
  const { W_enc, b_dec, r_mag } = state.weights;
  const shift = new Float64Array(config.d_sae);
  if (W_enc !== undefined && b_dec !== undefined) {
    for (let d = 0; d < config.d_in; d++) {
      const bias = b_dec.data[d] as number;
      for (let i = 0; i < config.d_sae; i++) shift[i] = (shift[i] as number) + bias * (W_enc.data[d * config.d_sae + i] as number);
    }
  }
  const minus = (gain: (i: number) => number) => (array: NdArray): NdArray => ({
    shape: array.shape,
    data: array.data.map((value, i) => value - (shift[i] as number) * gain(i)),
  });
  const zeros: NdArray = { shape: [config.d_sae], data: new Float32Array(config.d_sae) };
  const biased: Weights = activation === 'gated' ? state.weights : { ...state.weights, b_enc: state.weights['b_enc'] ?? zeros };
  const weights = mapWeights(biased, {
    b_enc: minus(() => 1),
    b_gate: minus(() => 1),
    // The magnitude path sees (x - b_dec) W_enc * exp(r_mag).
    b_mag: minus((i) => Math.exp(r_mag?.data[i] ?? 0)),
  });
  return { ...state, weights, config: { ...state.config, normalize_activations: normalize, apply_b_dec_to_input: false } };
}

/**
 * A standard or gated SAE as the JumpReLU SAE that computes the same codes. Standard: threshold 0. Gated: with pre = e^r (x W_enc) + b_mag the gate
 * x W_enc + b_gate > 0 is pre > b_mag - e^r b_gate (arXiv 2404.16014, section 3.2.2: weight tying makes a gated encoder a JumpReLU).
 * @throws SalmonError `unsupported` for every other kind.
 */
export function toJumpRelu(state: SaeState): SaeState {
  const config = checkState(state);
  const { activation, d_sae } = config;
  if (activation === 'jumprelu') return state;
  const prefix = config.kind.replace(/^standard$|^gated$/, 'jumprelu').replace(/^(skip_)?transcoder$/, (tail) => `jumprelu_${tail}`);
  if (activation === 'standard') {
    const weights: Weights = { ...state.weights, threshold: { shape: [d_sae], data: new Float32Array(d_sae) } };
    return { ...state, weights, config: { ...state.config, kind: prefix } };
  }
  if (activation !== 'gated') refuse(`A ${config.kind} SAE is no JumpReLU`, config.kind);
  const { W_enc, b_gate, b_mag, r_mag, ...rest } = state.weights as Record<string, NdArray>;
  const gain = (i: number): number => Math.exp(r_mag?.data[i] ?? 0);
  const weights: Weights = {
    ...rest,
    W_enc: { shape: W_enc?.shape ?? [], data: (W_enc?.data ?? new Float32Array(0)).map((value, i) => value * gain(i % d_sae)) },
    b_enc: b_mag as NdArray,
    threshold: { shape: [d_sae], data: (b_mag as NdArray).data.map((value, i) => value - gain(i) * ((b_gate as NdArray).data[i] as number)) },
  };
  return { ...state, weights, config: { ...state.config, kind: prefix } };
}

function mapWeights(weights: Weights, maps: Readonly<Record<string, (array: NdArray) => NdArray>>): Weights {
  return Object.fromEntries(Object.entries(weights).map(([name, array]) => [name, maps[name]?.(array) ?? array]));
}

function refuse(what: string, got: string): never {
  throw new SalmonError('unsupported', { what, where: 'folding', expected: 'an encoder that the factor passes through', got });
}

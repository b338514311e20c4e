import { SalmonError } from '@salmon-sae/dataflow';
import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { checkState, kindOf } from '@salmon-sae/sae-core';
import type { ResolvedConfig } from '@salmon-sae/sae-core';
import { jointProvenance } from './boosted-state.js';

/**
 * Base and residual SAEs as one SAE of width m + sum of m_res, which SAELens and other readers can open (the "stitched SAE" of
 * arXiv 2507.12990, figure 1): encoders and decoders side by side, decoder biases added, base latents first.
 *
 * Exact where every latent decides for itself, from the same input: ReLU (threshold 0), JumpReLU (and so BatchTopK at inference) and Gated SAEs,
 * which are JumpReLU SAEs in other parameters (arXiv 2404.16014, section 3.2). A b_dec that is taken from the input is folded into b_enc, and the
 * result has `apply_b_dec_to_input` false. Everything else is refused with `unsupported` and the reason: top-k and group-max (latents of the
 * residual would compete with the base's), temporal and matching pursuit (codes depend on other codes or tokens), layer_norm (each part would add the
 * token's mean again), parts with different input treatment.
 */
export function stitch(base: SaeState, residuals: readonly SaeState[]): SaeState {
  const parts = [base, ...residuals].map((state, index) => thresholdForm(state, index === 0 ? 'the base' : `residual ${index - 1}`));
  const first = parts[0]!;
  parts.slice(1).forEach((part, index) => refuseOtherInput(first.config, part.config, `residual ${index}`));
  const { d_in, d_out } = first.config;
  const latents = parts.reduce((sum, part) => sum + part.config.d_sae, 0);
  const relu = parts.every((part) => part.threshold.every((value) => value === 0));
  const skip = parts.some((part) => part.skip !== undefined);
  const kind = kindOf(relu ? 'standard' : 'jumprelu', first.config.transcoder, skip)!;
  const weights: Record<string, NdArray> = {
    W_enc: { shape: [d_in, latents], data: columns(parts.map((part) => ({ data: part.encoder, width: part.config.d_sae })), d_in) },
    b_enc: { shape: [latents], data: joined(parts.map((part) => part.bias)) },
    W_dec: { shape: [latents, d_out], data: joined(parts.map((part) => part.decoder)) },
    b_dec: { shape: [d_out], data: added(parts.map((part) => part.offset)) },
  };
  if (!relu) weights['threshold'] = { shape: [latents], data: joined(parts.map((part) => part.threshold)) };
  if (skip) weights['W_skip'] = { shape: [d_out, d_in], data: added(parts.flatMap((part) => (part.skip === undefined ? [] : [part.skip]))) };
  return {
    config: {
      ...base.config,
      kind,
      d_in,
      d_sae: latents,
      ...(first.config.transcoder ? { d_out } : {}),
      apply_b_dec_to_input: false,
    },
    weights,
    scale: base.scale,
    site: base.site,
    trained: jointProvenance(base, residuals),
  };
}

/** One part as f = relu(pre) 1[pre > threshold], pre = x W_enc + b_enc, with b_dec no longer taken from the input. */
interface ThresholdForm {
  readonly config: ResolvedConfig;
  /** [d, F] */
  readonly encoder: Float32Array;
  readonly bias: Float32Array;
  readonly threshold: Float32Array;
  /** [F, d_out] */
  readonly decoder: Float32Array;
  readonly offset: Float32Array;
  readonly skip: Float32Array | undefined;
}

const reasons: Readonly<Record<string, string>> = {
  topk: 'keeps the k largest latents of all, so residual latents would push base latents out',
  groupmax: 'keeps one latent per group, and the groups would change',
  temporal: 'codes depend on earlier tokens',
  matching_pursuit: 'picks latents one after another, each depending on the last',
};

function thresholdForm(state: SaeState, where: string): ThresholdForm {
  if (state.config.kind === 'boosted') refuse(where, 'it is an ensemble already', 'Stitch its base and residuals directly');
  const config = checkState(state, where);
  const reason = reasons[config.activation];
  if (reason !== undefined) refuse(where, `its activation (${config.activation}) ${reason}`, 'Run the parts side by side with boosted()');
  if (!['none', 'constant_norm_rescale'].includes(config.normalize_activations)) {
    const why = config.normalize_activations === 'layer_norm' ? 'each part would add the token mean again' : 'it scales its input by itself';
    refuse(where, `its input treatment is ${config.normalize_activations}: ${why}`, 'Fold the scaling into the weights first, or use boosted()');
  }
  const zeros = (length: number): Float32Array => new Float32Array(length);
  const weight = (name: string, length: number): Float32Array => state.weights[name]?.data ?? zeros(length);
  const F = config.d_sae;
  const own = { encoder: weight('W_enc', config.d_in * F), bias: weight('b_enc', F), threshold: weight('threshold', F) };
  const { encoder, bias, threshold } = config.activation === 'gated' ? fromGated(state, config) : own;
  const offset = weight('b_dec', config.d_out);
  return {
    config,
    encoder,
    bias: config.apply_b_dec_to_input ? foldedBias(encoder, bias, offset) : bias,
    threshold: threshold.map((value) => Math.max(0, value)),
    decoder: weight('W_dec', F * config.d_out),
    offset,
    skip: config.skip ? state.weights['W_skip']?.data : undefined,
  };
}

/**
 * A Gated SAE as JumpReLU: with h = x W_enc, r = exp(r_mag) and m = r h + b_mag, the gate h + b_gate > 0 is m > b_mag - r b_gate
 * (arXiv 2404.16014, section 3.2).
 */
function fromGated(state: SaeState, config: ResolvedConfig): Pick<ThresholdForm, 'encoder' | 'bias' | 'threshold'> {
  const F = config.d_sae;
  const at = (name: string): Float32Array => state.weights[name]!.data;
  const gain = Float64Array.from(at('r_mag'), Math.exp);
  return {
    encoder: at('W_enc').map((value, i) => value * gain[i % F]!),
    bias: at('b_mag'),
    threshold: at('b_mag').map((value, i) => value - gain[i]! * at('b_gate')[i]!),
  };
}

/** (x - b_dec) W_enc + b_enc = x W_enc + (b_enc - b_dec W_enc); float64 sums. */
function foldedBias(encoder: Float32Array, bias: Float32Array, offset: Float32Array): Float32Array {
  const F = bias.length;
  const folded = Float64Array.from(bias);
  for (let d = 0; d < offset.length; d++) {
    const b = offset[d]!;
    if (b !== 0) for (let f = 0; f < F; f++) folded[f]! -= b * encoder[d * F + f]!;
  }
  return Float32Array.from(folded);
}

function refuseOtherInput(base: ResolvedConfig, part: ResolvedConfig, where: string): void {
  for (const field of ['d_in', 'd_out', 'transcoder', 'normalize_activations', 'reshape_activations'] as const) {
    if (base[field] !== part[field]) {
      refuse(where, `${field} is ${String(part[field])}, the base has ${String(base[field])}`, 'All parts must read and write the same activations in the same way');
    }
  }
}

function refuse(where: string, reason: string, todo: string): never {
  throw new SalmonError('unsupported', { what: `These SAEs cannot become one stitched SAE: ${where} does not allow it, ${reason}`, where, todo });
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function columns(parts: readonly { readonly data: Float32Array; readonly width: number }[], rows: number): Float32Array {
  const total = parts.reduce((sum, part) => sum + part.width, 0);
  const all = new Float32Array(rows * total);
  let offset = 0;
  for (const { data, width } of parts) {
    for (let row = 0; row < rows; row++) all.set(data.subarray(row * width, (row + 1) * width), row * total + offset);
    offset += width;
  }
  return all;
}

function added(parts: readonly Float32Array[]): Float32Array {
  return parts[0]!.map((_, i) => parts.reduce((sum, part) => sum + part[i]!, 0));
}

import { tf } from '@salmon-sae/compute';
import type { Json, NdArray, Random } from '@salmon-sae/dataflow';
import type { ArrayMap, ForwardContext, InitContext, TensorMap } from './architecture.js';
import type { BaseConfig } from './base-config.js';

/**
 * Rows of random direction and given norm. Kaiming-uniform, then normalised: the bound cancels, so uniform(-1, 1) serves.
 * Returns [rows * width].
 */
export function unitRows(rows: number, width: number, random: Random, norm = 1): Float32Array {
  const out = new Float32Array(rows * width);
  for (let r = 0; r < rows; r++) {
    let sum = 0;
    for (let c = 0; c < width; c++) {
      const v = random.next() * 2 - 1;
      out[r * width + c] = v;
      sum += v * v;
    }
    const scale = norm / Math.sqrt(Math.max(sum, 1e-30));
    for (let c = 0; c < width; c++) out[r * width + c]! *= scale;
  }
  return out;
}

export function transposed(a: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(a.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = a[r * columns + c]!;
  return out;
}

export function filled(shape: readonly number[], value = 0): NdArray {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: new Float32Array(size).fill(value) };
}

/** W_dec with rows of norm `decoderInitNorm`, W_enc = W_dec^T (tied at the start only), biases 0, W_skip 0. */
export function initLinear(config: BaseConfig, { width, outWidth, random }: InitContext): Record<string, NdArray> {
  const F = config.latents;
  const decoder = unitRows(F, outWidth, random, config.decoderInitNorm);
  const encoder =
    width === outWidth && !config.transcoder
      ? transposed(decoder, F, width)
      : transposed(unitRows(F, width, random, config.decoderInitNorm), F, width);
  const params: Record<string, NdArray> = {
    W_enc: { shape: [width, F], data: encoder },
    W_dec: { shape: [F, outWidth], data: decoder },
  };
  if (config.encoderBias) params['b_enc'] = filled([F]);
  if (config.decoderBias) params['b_dec'] = filled([outWidth]);
  if (config.skip) params['W_skip'] = filled([outWidth, width]);
  return params;
}

export function param<T extends tf.Tensor>(params: TensorMap, name: string): T {
  const tensor = params[name];
  if (tensor === undefined) throw new Error(`parameter ${name} is missing; there are ${Object.keys(params).join(', ')}`);
  return tensor as T;
}

/** x, or x - b_dec where the configuration subtracts it. */
export function centred(context: ForwardContext<BaseConfig>): tf.Tensor2D {
  const bias = context.params['b_dec'];
  return context.config.applyDecoderBiasToInput && bias !== undefined ? tf.sub<tf.Tensor2D>(context.x, bias) : context.x;
}

/** Pre-activations [B, F] = (x - b_dec?) W_enc + b_enc. */
export function preActivations(context: ForwardContext<BaseConfig>): tf.Tensor2D {
  const product = context.matMul(centred(context), param<tf.Tensor2D>(context.params, 'W_enc'));
  const bias = context.params['b_enc'];
  return bias === undefined ? product : tf.add<tf.Tensor2D>(product, bias);
}

/** f W_dec, plus b_dec and the skip connection where there are any. */
export function affineDecode(context: ForwardContext<BaseConfig>, codes: tf.Tensor2D): tf.Tensor2D {
  const out = tf.matMul<tf.Tensor2D>(codes, param<tf.Tensor2D>(context.params, 'W_dec'));
  return withOutputTerms(context, out);
}

export function withOutputTerms(context: ForwardContext, out: tf.Tensor2D): tf.Tensor2D {
  const bias = context.params['b_dec'];
  const skip = context.params['W_skip'] as tf.Tensor2D | undefined;
  let sum = bias === undefined ? out : tf.add<tf.Tensor2D>(out, bias);
  if (skip !== undefined) sum = tf.add(sum, tf.matMul(context.x, skip, false, true));
  return sum;
}

/** ||W_dec_i|| for each latent, [F]. */
export function decoderNorms(params: TensorMap): tf.Tensor1D {
  return tf.sqrt(tf.sum(tf.square(param<tf.Tensor2D>(params, 'W_dec')), 1));
}

export function scaled(array: NdArray, factor: number): NdArray {
  return { shape: array.shape, data: factor === 1 ? array.data.slice() : array.data.map((v) => v * factor) };
}

/** Inference fields that every kind shares, named as in SAELens' cfg.json. */
export function inferenceFields(config: BaseConfig, params: ArrayMap): Record<string, Json> {
  const [F, out] = params['W_dec']!.shape as [number, number];
  const width = params['W_enc']?.shape[0] ?? out;
  return {
    d_in: width,
    d_sae: F,
    ...(config.transcoder ? { d_out: out } : {}),
    dtype: 'float32',
    apply_b_dec_to_input: config.applyDecoderBiasToInput && config.decoderBias,
    normalize_activations: config.normalizeActivations,
    reshape_activations: 'none',
  };
}

/**
 * Weights in raw activation units: trained on x/c_in for y/c_out, biases grow by their scale and W_dec by c_out/c_in
 * (W_enc unchanged), so that f_raw = c_in f (Gemma Scope, arXiv 2408.05147 section 3.1).
 */
export function foldedLinear(params: ArrayMap, scale: { readonly input: number; readonly output: number }): Record<string, NdArray> {
  const ratio = scale.output / scale.input;
  const [F, out] = params['W_dec']!.shape as [number, number];
  const weights: Record<string, NdArray> = { W_dec: scaled(params['W_dec']!, ratio) };
  if (params['W_enc'] !== undefined) weights['W_enc'] = scaled(params['W_enc'], 1);
  weights['b_enc'] = params['b_enc'] === undefined ? filled([F]) : scaled(params['b_enc'], scale.input);
  weights['b_dec'] = params['b_dec'] === undefined ? filled([out]) : scaled(params['b_dec'], scale.output);
  if (params['W_skip'] !== undefined) weights['W_skip'] = scaled(params['W_skip'], ratio);
  return weights;
}

/** SAELens' name for the kind: transcoders and skip transcoders are kinds of their own there. */
export function inferenceKind(kind: 'standard' | 'jumprelu' | 'topk', config: BaseConfig): string {
  if (!config.transcoder) return kind;
  const prefix = kind === 'standard' ? '' : `${kind}_`;
  return `${prefix}${config.skip ? 'skip_' : ''}transcoder`;
}

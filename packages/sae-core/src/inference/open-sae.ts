import { SalmonError } from '@salmon-sae/dataflow';
import type { SaeState, SparseCodes } from '@salmon-sae/dataflow';
import { tf } from '@salmon-sae/compute';
import type { Sae } from '../sae.js';
import { checkState } from './check-state.js';
import type { Activation, ResolvedConfig } from './config.js';
import { CsrBuilder } from './csr-builder.js';
import { rowDecoder, rowNorms } from './decode-rows.js';
import type { DecoderParts } from './decode-rows.js';
import { gatedKernel } from './kernels/gated.js';
import { groupMaxKernel } from './kernels/group-max.js';
import { jumpreluKernel } from './kernels/jumprelu.js';
import type { KernelFactory, KernelOptions } from './kernels/kernel.js';
import { matchingPursuitKernel } from './kernels/matching-pursuit.js';
import { standardKernel } from './kernels/standard.js';
import { temporalKernel } from './kernels/temporal.js';
import { switchKernel } from './kernels/switch.js';
import { topKKernel } from './kernels/top-k.js';
import { isRowNormalized, normalizeRows } from './normalize.js';

export type OpenSaeOptions = KernelOptions;

const KERNELS: Readonly<Record<Activation, KernelFactory>> = {
  standard: standardKernel,
  jumprelu: jumpreluKernel,
  topk: topKKernel,
  groupmax: groupMaxKernel,
  gated: gatedKernel,
  matching_pursuit: matchingPursuitKernel,
  temporal: temporalKernel,
  switch: switchKernel,
};

/**
 * An SAE ready to run, from its state. Encoder weights are copied to the backend; call `useBackend()` before and `dispose()` after.
 * `encode` gives codes; `decode` gives W_dec's part of the output (no skip connection, no predicted codes); `run` gives the whole output.
 * @throws SalmonError `unknown-architecture`, `bad-config`, `bad-shape` (a tensor missing or of another shape) or `bad-file` (not finite).
 */
export function openSae(state: SaeState, options: OpenSaeOptions = {}): Sae {
  const config = checkState(state);
  const kernel = KERNELS[config.activation](state, config, options);
  const parts = decoderParts(state, config);
  const decoder = rowDecoder(parts);
  const skip = state.weights['W_skip'];
  const W_skip = config.skip && skip !== undefined ? tf.tensor2d(skip.data, [config.d_out, config.d_in]) : undefined;
  let disposed = false;

  const encodeRows = (x: Float32Array, rows: number): Encoded => {
    checkInput(x, rows, config, disposed);
    const normalized = normalizeRows(x, rows, config, state.weights['b_dec']?.data);
    const builder = new CsrBuilder(rows, config.d_sae);
    if (rows > 0) kernel.encode(normalized.values, rows, builder);
    return { codes: builder.finish(), undo: normalized.undo };
  };
  return {
    state,
    latents: config.d_sae,
    width: config.d_in,
    outWidth: config.d_out,
    encode: (x, rows) => encodeRows(x, rows).codes,
    decode: (codes) => {
      if (isRowNormalized(config)) {
        const what = 'Codes alone cannot be decoded: the input was normalised row by row';
        throw new SalmonError('unsupported', { what, where: `normalize_activations ${config.normalize_activations}`, todo: 'Use run(), which knows the rows' });
      }
      const recon = decoder.decode(codes);
      if (config.normalize_activations === 'constant_scalar_rescale') scaleBy(recon, 1 / config.activation_normalization_factor);
      return recon;
    },
    run: (x, rows) => {
      const { codes, undo } = encodeRows(x, rows);
      const recon = decoder.decode(codes);
      const predicted = rows > 0 ? kernel.predicted?.() : undefined;
      if (predicted !== undefined) addProduct(recon, predicted, parts);
      undo(recon);
      if (W_skip !== undefined && rows > 0) addSkip(recon, x, rows, W_skip);
      return { codes, recon };
    },
    dispose: () => {
      if (disposed) return;
      disposed = true;
      kernel.dispose();
      decoder.dispose();
      W_skip?.dispose();
    },
  };
}

interface Encoded {
  readonly codes: SparseCodes;
  undo(recon: Float32Array): void;
}

function decoderParts(state: SaeState, config: ResolvedConfig): DecoderParts {
  const W_dec = state.weights['W_dec']?.data ?? new Float32Array(0);
  // A tied dictionary that did not take b_dec off must not add it (SAELens' matching pursuit).
  const biased = config.activation !== 'matching_pursuit' || config.apply_b_dec_to_input;
  return {
    W_dec,
    latents: config.d_sae,
    outWidth: config.d_out,
    bias: biased ? state.weights['b_dec']?.data : undefined,
    divisor: config.activation === 'topk' && config.rescale_acts_by_decoder_norm ? rowNorms(W_dec, config.d_sae) : undefined,
  };
}

function checkInput(x: Float32Array, rows: number, config: ResolvedConfig, disposed: boolean): void {
  if (disposed) throw new SalmonError('engine', { what: 'The SAE was disposed', where: 'encode', todo: 'Open it again' });
  if (x.length !== rows * config.d_in) {
    const expected = `${rows} rows x ${config.d_in} = ${rows * config.d_in} values`;
    throw new SalmonError('bad-shape', { what: 'Activations do not fit the SAE', where: 'encode', expected, got: `${x.length} values` });
  }
}

function scaleBy(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * factor;
}

/** recon += dense codes @ W_dec. */
function addProduct(recon: Float32Array, codes: Float32Array, { W_dec, latents, outWidth }: DecoderParts): void {
  const rows = recon.length / outWidth;
  addRead(recon, tf.tidy(() => tf.matMul(tf.tensor2d(codes, [rows, latents]), tf.tensor2d(W_dec, [latents, outWidth]))));
}

/** recon += a tensor, which is disposed. */
function addRead(recon: Float32Array, tensor: tf.Tensor): void {
  const product = tensor.dataSync<'float32'>();
  tensor.dispose();
  for (let i = 0; i < recon.length; i++) recon[i] = (recon[i] as number) + (product[i] as number);
}

/** recon += x @ W_skip^T, on the raw input. */
function addSkip(recon: Float32Array, x: Float32Array, rows: number, W_skip: tf.Tensor2D): void {
  addRead(recon, tf.tidy(() => tf.matMul(tf.tensor2d(x, [rows, W_skip.shape[1]]), W_skip, false, true)));
}


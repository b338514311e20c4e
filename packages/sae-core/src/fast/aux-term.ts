import type { SparseActs, SparseOps } from '@salmon-sae/compute';
import { disposeActs, tf } from '@salmon-sae/compute';
import type { AuxConfig } from '../architectures/aux-k.js';
import { AUX_ROUNDING } from '../architectures/aux-k.js';
import { rowTopK } from '../architectures/select.js';
import type { ExtraTerm } from './extra-term.js';
import { listedLatents, spread } from './latent-ranges.js';

export interface AuxRequest {
  readonly config: AuxConfig;
  /** Indices of the dead latents, ascending; not empty. */
  readonly dead: Int32Array;
  readonly latents: number;
  /** What the encoder reads, [B, d]. */
  readonly x: tf.Tensor2D;
  readonly encoder: tf.Tensor2D;
  readonly bias: tf.Tensor1D | undefined;
  readonly decoder: tf.Tensor2D;
  /** [F] norms of the decoder rows, where the selection is on activations times norm. */
  readonly norms: tf.Tensor1D | undefined;
  /** output - target [B, dOut] */
  readonly residual: tf.Tensor2D;
  readonly target: tf.Tensor2D;
}

/** The dead latents alone: their weights, and what they would be selected by. */
interface Dead {
  readonly index: Int32Array;
  /** [B, n] pre-activations, times the norms where those count. */
  readonly pre: tf.Tensor2D;
  /** [n] */
  readonly norms: tf.Tensor1D | undefined;
  readonly k: number;
  /** [B, dOut] what they are to reconstruct. */
  readonly error: tf.Tensor2D;
  /** Coefficient and normalisation, per squared error summed over the batch. */
  readonly factor: number;
}

/**
 * AuxK (arXiv 2406.04093 appendix A.2) over the dead latents alone: their k_aux largest activations reconstruct the detached error
 * without the decoder bias. Only the dead rows of the weights are read. Undefined where the term is 0.
 */
export function auxTerm(ops: SparseOps, request: AuxRequest): ExtraTerm | undefined {
  const { config, residual } = request;
  const rows = residual.shape[0];
  const wanted = config.k ?? Math.floor(residual.shape[1] / 2);
  const error = tf.neg(residual) as tf.Tensor2D;
  const of = config.normalize === 'target-variance' ? request.target : error;
  const [energy, spreadOf] = tf.stack([tf.sum(tf.square(error)), tf.sum(tf.square(tf.sub(of, tf.mean(of, 0))))]).dataSync() as unknown as [number, number];
  const variance = config.normalize === 'none' ? 1 : spreadOf / rows;
  if (!(variance > (energy / rows) * AUX_ROUNDING)) return undefined;
  const factor = (config.coefficient * (config.scaleByDead ? Math.min(request.dead.length / wanted, 1) : 1)) / variance / rows;

  const index = tf.tensor1d(request.dead, 'int32');
  const product = tf.matMul(request.x, tf.gather(request.encoder, index), false, true) as tf.Tensor2D;
  const plain = request.bias === undefined ? product : (tf.add(product, tf.gather(request.bias, index)) as tf.Tensor2D);
  const norms = request.norms === undefined ? undefined : (tf.gather(request.norms, index) as tf.Tensor1D);
  const dead = { index: request.dead, norms, k: Math.min(wanted, request.dead.length), error, factor, pre: norms === undefined ? plain : (tf.mul(plain, norms) as tf.Tensor2D) };
  return config.source === 'relu' ? fromPositive(ops, request, dead) : fromAny(ops, request, dead);
}

/** The largest positive activations, as sparse entries. */
function fromPositive(ops: SparseOps, request: AuxRequest, { index, pre, norms, k, error, factor }: Dead): ExtraTerm {
  const narrow = ops.topK(pre, { k });
  const value = norms === undefined ? narrow.value : (tf.div(narrow.value, ops.expandByLatent(narrow, norms)) as tf.Tensor1D);
  const acts = widen(narrow, { value, index, latents: request.latents });
  disposeActs(narrow);
  const { residual: difference, squares } = ops.residual(acts, acts.value, { rows: request.decoder, target: error });
  // The norms are multiplied in before the selection and divided out after it: they cancel in the gradient.
  const onPre = tf.mul(ops.dots(acts, difference, request.decoder), 2 * factor) as tf.Tensor1D;
  return {
    name: 'aux',
    value: tf.mul(squares, factor) as tf.Scalar,
    addTo: (decoder, encoder, project) => {
      const minus = project ? { minus: { rows: request.decoder, scale: ops.sumByLatent(acts, tf.mul(onPre, acts.value)) } } : {};
      ops.addRows(decoder, acts, { coefficient: tf.mul(acts.value, 2 * factor), dense: difference, ...minus });
      ops.addRows(encoder, acts, { coefficient: onPre, dense: request.x });
    },
    encoderBias: ops.sumByLatent(acts, onPre),
  };
}

/** The largest pre-activations, which may be negative: dense products with the dead latents. */
function fromAny(ops: SparseOps, request: AuxRequest, { index, pre, norms, k, error, factor }: Dead): ExtraTerm {
  const mask = rowTopK(pre, k);
  const kept = tf.mul(pre, mask);
  const codes = (norms === undefined ? kept : tf.div(kept, norms)) as tf.Tensor2D;
  const rows = tf.gather(request.decoder, tf.tensor1d(index, 'int32')) as tf.Tensor2D;
  const difference = tf.sub(tf.matMul(codes, rows), error) as tf.Tensor2D;
  const onCodes = tf.mul(tf.matMul(difference, rows, false, true), 2 * factor);
  const onPre = tf.mul(onCodes, mask) as tf.Tensor2D;
  const listed = listedLatents(index, request.latents);
  return {
    name: 'aux',
    value: tf.mul(tf.sum(tf.square(difference)), factor) as tf.Scalar,
    addTo: (decoder, encoder, project) => {
      const outer = tf.mul(tf.matMul(codes, difference, true, false), 2 * factor) as tf.Tensor2D;
      const along = project ? { minus: { rows: request.decoder, scale: spread(tf.sum(tf.mul(codes, onCodes), 0) as tf.Tensor1D, index, request.latents) } } : {};
      ops.addRows(decoder, listed, { coefficient: listed.value, dense: outer, ...along });
      ops.addRows(encoder, listed, { coefficient: listed.value, dense: tf.matMul(onPre, request.x, true, false) as tf.Tensor2D });
    },
    encoderBias: spread(tf.sum(onPre, 0) as tf.Tensor1D, index, request.latents),
  };
}

/** Entries over the listed latents as entries over all, with the given values. */
function widen(acts: SparseActs, to: { readonly value: tf.Tensor1D; readonly index: Int32Array; readonly latents: number }): SparseActs {
  const { value, index, latents } = to;
  const narrow = acts.starts.dataSync<'int32'>();
  const starts = new Int32Array(latents + 1);
  for (let i = 0; i < index.length; i++) starts[(index[i] as number) + 1] = (narrow[i + 1] as number) - (narrow[i] as number);
  for (let f = 0; f < latents; f++) (starts[f + 1] as number) += starts[f] as number;
  return { rows: acts.rows, latents, nnz: acts.nnz, starts: tf.tensor1d(starts, 'int32'), row: acts.row.clone(), value: value.clone() };
}

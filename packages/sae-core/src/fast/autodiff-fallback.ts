import type { SparseOps } from '@salmon-sae/compute';
import { tf } from '@salmon-sae/compute';
import { autodiffStep } from '../train/autodiff-step.js';
import { withoutParallel } from '../train/update-params.js';
import type { SparseStepRequest, SparseStepResult } from './sparse-step.js';

/** The step by automatic differentiation, with all of [B, F] in memory: for single steps that the sparse one does not compute. */
export function autodiffFallback(ops: SparseOps, request: SparseStepRequest): SparseStepResult {
  const { spec, training, params, state, x, target, schedule, silence, deadAfter } = request;
  const step = autodiffStep(spec, { width: x.shape[1], outWidth: target.shape[1], deadAfter });
  const tensors = params.tensors();
  const outcome = step.gradients({ params: tensors, state, x, target, schedule, silence, stats: true });
  const { W_enc: onEncoder, W_dec: onDecoder, ...vectors } = outcome.grads as Record<string, tf.Tensor> & Record<'W_enc' | 'W_dec', tf.Tensor2D>;
  const free = training.decoder === 'unit-norm' ? withoutParallel(onDecoder, params.decoderRows) : onDecoder;
  ops.clear(params.decoderGradient);
  ops.clear(params.encoderGradient);
  const squares = tf.add(ops.setRows(params.decoderGradient, 0, free), ops.setRows(params.encoderGradient, 0, tf.transpose(onEncoder))) as tf.Scalar;
  const { total, parts, fired, carry } = outcome;
  return { gradients: { squares, vectors }, total, parts, fired, carry, l0: outcome.l0 as tf.Scalar, squaredError: outcome.squaredError as tf.Scalar };
}

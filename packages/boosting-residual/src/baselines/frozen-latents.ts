import { tf } from '@salmon-sae/compute';
import { autodiffStep, updateParams } from '@salmon-sae/sae-core';
import type { TensorMap, TrainStep, TrainStepFactory } from '@salmon-sae/sae-core';
import type { BaselinePlan } from './baseline-plan.js';

/** Where latents lie in each parameter: columns of W_enc, rows of W_dec, entries of vectors. */
const columns: ReadonlySet<string> = new Set(['W_enc']);
const rows: ReadonlySet<string> = new Set(['W_dec']);
const entries: ReadonlySet<string> = new Set(['b_enc', 'threshold', 'log_threshold', 'b_gate', 'b_mag', 'r_mag']);

/**
 * A training step that leaves frozen latents as they are: their gradients are 0 (so they take no part in the clipping norm and gather no
 * momentum), and what an update changes in them all the same (renormalised rows) is put back, so that they stay equal bit for bit.
 * Wraps the first of `steps` that takes the SAE; default: automatic differentiation.
 */
export function frozenLatents(plan: Pick<BaselinePlan, 'trainable' | 'trainDecoderBias'>, steps: readonly TrainStepFactory[] = []): TrainStepFactory {
  return (spec, shape) => {
    const inner = chosen([...steps, autodiffStep], (factory) => factory(spec, shape));
    const keep = (name: string): tf.Tensor | undefined => learns(name, plan);
    const masked = (grads: TensorMap): TensorMap =>
      mapped(grads, (name, grad) => {
        const mask = keep(name);
        return mask === undefined ? grad : tf.mul(grad, tf.cast(mask, 'float32'));
      });
    return {
      gradients: (request) => {
        const result = inner.gradients(request);
        return { ...result, grads: masked(result.grads) };
      },
      update: (request) => {
        const result = inner.update?.(request) ?? updateParams(request, spec.config.training);
        const params = mapped(result.params, (name, param) => {
          const mask = keep(name);
          return mask === undefined ? param : tf.where(mask, param, request.params[name]!);
        });
        return { ...result, params };
      },
    };
  };
}

/** Where a parameter may learn, broadcastable to its shape; undefined = everywhere. */
function learns(name: string, { trainable, trainDecoderBias }: Pick<BaselinePlan, 'trainable' | 'trainDecoderBias'>): tf.Tensor | undefined {
  if (rows.has(name)) return tf.tensor2d(trainable, [trainable.length, 1], 'bool');
  if (columns.has(name)) return tf.tensor2d(trainable, [1, trainable.length], 'bool');
  if (entries.has(name)) return tf.tensor1d(trainable, 'bool');
  return trainDecoderBias ? undefined : tf.zeros([1], 'bool');
}

function chosen(factories: readonly TrainStepFactory[], make: (factory: TrainStepFactory) => TrainStep | undefined): TrainStep {
  const [first, ...others] = factories;
  return make(first!) ?? chosen(others, make);
}

function mapped(map: TensorMap, fn: (name: string, tensor: tf.Tensor) => tf.Tensor): TensorMap {
  return Object.fromEntries(Object.entries(map).map(([name, tensor]) => [name, fn(name, tensor)]));
}

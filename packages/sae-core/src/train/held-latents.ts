import { tf } from '@salmon-sae/compute';
import type { TensorMap } from '../architectures/architecture.js';
import type { TrainStep, TrainStepFactory } from './train-step.js';
import { latentAxis, type Trainable } from './trainable.js';
import { updateParams } from './update-params.js';

/**
 * A training step that leaves parts of an SAE as they are: their gradients are 0 (so they take no part in the clipping norm and gather no
 * momentum), and what an update changes in them all the same (renormalised rows) is put back. Wraps the first of `steps` that takes the SAE.
 */
export function heldLatents(trainable: Trainable, steps: readonly TrainStepFactory[]): TrainStepFactory {
  return (spec, shape) => {
    const inner = first(steps, (factory) => factory(spec, shape));
    if (inner === undefined) return undefined;
    return {
      gradients: (request) => {
        const result = inner.gradients(request);
        return { ...result, grads: masked(result.grads, trainable) };
      },
      update: (request) => {
        const result = inner.update?.(request) ?? updateParams(request, spec.config.training);
        const params = mapped(result.params, (name, param) => {
          const mask = learns(name, trainable);
          return mask === undefined ? param : tf.where(mask, param, request.params[name]!);
        });
        return { ...result, params };
      },
    };
  };
}

/** Gradients with zeros where nothing is to be learned. */
export function masked(grads: TensorMap, trainable: Trainable): TensorMap {
  return mapped(grads, (name, grad) => {
    const mask = learns(name, trainable);
    return mask === undefined ? grad : tf.mul(grad, tf.cast(mask, 'float32'));
  });
}

/** Where a parameter may learn, broadcastable to its shape; undefined = everywhere. */
function learns(name: string, { latents, shared }: Trainable): tf.Tensor | undefined {
  switch (latentAxis(name)) {
    case 'rows':
      return tf.tensor2d(latents, [latents.length, 1], 'bool');
    case 'columns':
      return tf.tensor2d(latents, [1, latents.length], 'bool');
    case 'entries':
      return tf.tensor1d(latents, 'bool');
    case 'shared':
      return shared ? undefined : tf.zeros([1], 'bool');
  }
}

function first(factories: readonly TrainStepFactory[], make: (factory: TrainStepFactory) => TrainStep | undefined): TrainStep | undefined {
  for (const factory of factories) {
    const step = make(factory);
    if (step !== undefined) return step;
  }
  return undefined;
}

function mapped(map: TensorMap, fn: (name: string, tensor: tf.Tensor) => tf.Tensor): TensorMap {
  return Object.fromEntries(Object.entries(map).map(([name, tensor]) => [name, fn(name, tensor)]));
}

import { map } from 'rxjs';
import type { OperatorFunction } from 'rxjs';
import { SalmonError } from '@salmon-sae/dataflow';
import type { ActivationBatch, NdArray, SaeState } from '@salmon-sae/dataflow';
import { resolveConfig, train } from '@salmon-sae/sae-core';
import type { TrainEvent, TrainOptions, TrainSpec } from '@salmon-sae/sae-core';
import { replaceLatents, takeLatents } from '../latent-rows.js';
import type { BaselinePlan } from './baseline-plan.js';

/**
 * Trains a baseline on domain activations [rows, d]: `train` of sae-core from the plan's weights, with its frozen latents held. The spec says how (architecture,
 * steps, learning rate); its width becomes the plan's, its scale and its use of b_dec the base's, so that the first step continues where the base stands.
 * Throws `bad-config` where the spec's architecture cannot take these weights.
 */
export function trainBaseline(plan: BaselinePlan, spec: TrainSpec, options: TrainOptions = {}): OperatorFunction<ActivationBatch, TrainEvent> {
  const id = spec.id ?? plan.method;
  const { apply_b_dec_to_input, activation } = resolveConfig(plan.initial);
  checkArchitecture(spec.sae.kind, activation);
  const sae = { ...spec.sae, latents: plan.trainable.length, applyDecoderBiasToInput: apply_b_dec_to_input };
  const trained = train(
    { id, sae, training: { ...spec.training, scale: plan.initial.scale } },
    { ...options, initial: { [id]: trainingParams(plan.initial) }, trainable: { [id]: { latents: plan.trainable, shared: plan.trainDecoderBias } } },
  );
  return (source) => source.pipe(trained, map((event) => (event.kind === 'done' ? { ...event, state: withFrozen(event.state, plan) } : event)));
}

/** The trained SAE with its frozen latents exactly as they were: scaling to training units and back may cost a last bit. */
function withFrozen(trained: SaeState, { initial, trainable, trainDecoderBias }: BaselinePlan): SaeState {
  const frozen = Int32Array.from(trainable.keys()).filter((latent) => trainable[latent] === 0);
  const rows = takeLatents(initial, frozen);
  const restored = frozen.length === 0 ? trained : replaceLatents(trained, frozen, rows);
  const bias = initial.weights['b_dec'];
  return trainDecoderBias || bias === undefined ? restored : { ...restored, weights: { ...restored.weights, b_dec: bias } };
}

/** A state's weights in training units: biases and thresholds divided by the scale, directions as they are. */
export function trainingParams({ weights, scale }: SaeState): Readonly<Record<string, NdArray>> {
  const params: Record<string, NdArray> = {};
  for (const [name, array] of Object.entries(weights)) {
    const scaled = ['b_enc', 'b_dec', 'threshold', 'b_gate', 'b_mag'].includes(name);
    params[name] = scaled && scale !== 1 ? { shape: array.shape, data: array.data.map((value) => value / scale) } : array;
  }
  const threshold = params['threshold'];
  if (threshold !== undefined) params['log_threshold'] = { shape: threshold.shape, data: threshold.data.map((value) => Math.log(Math.max(value, 1e-8))) };
  return params;
}

/** Architectures that can go on from the weights of an inference kind. */
const heirs: Readonly<Record<string, readonly string[]>> = {
  standard: ['standard'],
  jumprelu: ['jumprelu', 'batchtopk'],
  topk: ['topk', 'batchtopk'],
  gated: ['gated'],
};

function checkArchitecture(architecture: string, activation: string): void {
  const able = heirs[activation] ?? [];
  if (able.includes(architecture)) return;
  throw new SalmonError('bad-config', {
    what: `Training as ${architecture} cannot go on from a ${activation} SAE`,
    where: 'spec.sae.kind',
    expected: able.length === 0 ? 'a ReLU, JumpReLU, TopK or Gated base' : able.join(' or '),
    got: architecture,
  });
}

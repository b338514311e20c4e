import { tf } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import { sharedFields } from '../architectures/base-config.js';
import type { DeadLatents, LossContext, LossResult, TensorMap } from '../architectures/architecture.js';
import type { ResolvedSpec } from './train-spec.js';
import type { GradientRequest, GradientResult, StepShape, TrainStep } from './train-step.js';
import { encoderMatMul } from './encoder-matmul.js';
import { tokenNorm } from './token-norm.js';

/** The step that works for every architecture: its `loss`, differentiated by TensorFlow.js. */
export function autodiffStep(spec: ResolvedSpec, shape: StepShape): TrainStep {
  return { gradients: (request) => gradients(spec, shape, request) };
}

function gradients(spec: ResolvedSpec, shape: StepShape, request: GradientRequest): GradientResult {
  const { architecture } = spec;
  const names = Object.keys(request.params);
  let outcome: { readonly result: LossResult; readonly residual: tf.Tensor2D } | undefined;

  const loss = (): tf.Scalar => {
    const context = lossContext(spec, shape, request);
    const result = architecture.loss(context);
    const residual = context.residual(result.recon);
    for (const t of tensorsOf(result, residual)) tf.keep(t);
    outcome = { result, residual };
    return result.total;
  };
  // The engine's own call, because tf.valueAndGrads refuses parameters that this batch gives no gradient (no dead latent, say).
  const { grads } = tf.engine().gradients(loss, names.map((name) => request.params[name]!), undefined, true);
  const { result, residual } = released(outcome!);

  const stats: Pick<GradientResult, 'l0' | 'squaredError' | 'targetSquares'> = request.stats
    ? {
        l0: tf.div(tf.sum(tf.cast(tf.notEqual(result.codes, 0), 'float32')), result.codes.shape[0]),
        squaredError: tf.sum(tf.square(residual)),
        targetSquares: tf.sum(tf.square(tf.sub(request.target, tf.mean(request.target, 0)))),
      }
    : {};
  return {
    grads: Object.fromEntries(names.map((name, i) => [name, grads[i] ?? tf.zerosLike(request.params[name]!)])),
    total: result.total,
    parts: result.parts,
    fired: firedOf(result.codes),
    carry: result.carry ?? {},
    ...stats,
  };
}

/** [F] true where a latent is nonzero on any row. */
export function firedOf(codes: tf.Tensor2D): tf.Tensor1D {
  return tf.greater(tf.max(tf.abs(codes), 0), 0) as tf.Tensor1D;
}

/** Builds what an architecture's `loss` sees; exported for tests of gradients against finite residuals. */
export function lossContext(spec: ResolvedSpec, shape: StepShape, request: GradientRequest): LossContext {
  const { sae, training } = spec.config;
  const norm = tokenNorm(sharedFields(sae).normalizeActivations ?? 'none', request.x);
  const weights = request.state['dimension_weight'];
  const residual = (recon: tf.Tensor2D): tf.Tensor2D => tf.sub(request.target, norm.undo(recon));
  return {
    config: sae,
    params: request.params,
    state: request.state,
    x: norm.x,
    target: request.target,
    schedule: request.schedule,
    matMul: encoderMatMul(training.precision, norm.x),
    residual,
    squaredError: (recon) => {
      const plain = residual(recon);
      return tf.div(tf.sum(tf.square(weights === undefined ? plain : tf.mul(plain, weights))), request.x.shape[0]);
    },
    dead: (codes) => deadLatents(spec, shape, request, codes),
    noise: (size, label) => {
      const generator = random(training.seed, 'noise', label, request.schedule.step);
      const values = new Float32Array(size[0] * size[1]);
      for (let i = 0; i < values.length; i++) values[i] = generator.normal();
      return tf.tensor2d(values, [...size]);
    },
  };
}

function deadLatents(spec: ResolvedSpec, shape: StepShape, request: GradientRequest, codes: tf.Tensor2D): DeadLatents | undefined {
  const { training } = spec.config;
  const perStep = training.deadUnit === 'tokens' ? request.x.shape[0] : 1;
  // Silence cannot exceed what has been trained on: no need to ask the device before that.
  if ((request.schedule.step + 1) * perStep < shape.deadAfter) return undefined;
  const mask =
    training.deadRule === 'before-step'
      ? tf.greater<tf.Tensor1D>(request.silence, Math.floor(shape.deadAfter))
      : tf.greaterEqual<tf.Tensor1D>(nextSilence(request.silence, firedOf(codes), perStep), Math.ceil(shape.deadAfter));
  const count = (tf.sum(tf.cast(mask, 'int32')).dataSync() as Int32Array)[0]!;
  return count === 0 ? undefined : { mask, count };
}

/** Silence after a batch: 0 where fired, else longer by `amount`; capped so that the counter cannot wrap. */
export function nextSilence(silence: tf.Tensor1D, fired: tf.Tensor1D, amount: number): tf.Tensor1D {
  const longer = tf.minimum(tf.add(silence, tf.scalar(amount, 'int32')), tf.scalar(2_000_000_000, 'int32'));
  return tf.where(fired, tf.zerosLike(silence), longer) as tf.Tensor1D;
}

function tensorsOf(result: LossResult, residual: tf.Tensor2D): tf.Tensor[] {
  return [...new Set([result.total, ...Object.values(result.parts), result.codes, result.recon, ...Object.values(result.carry ?? {}), residual])];
}

/** Copies (sharing the data) that belong to the caller's tidy, and frees the kept originals. */
function released(outcome: { readonly result: LossResult; readonly residual: tf.Tensor2D }): { result: LossResult; residual: tf.Tensor2D } {
  const { result, residual } = outcome;
  const copies = new Map<tf.Tensor, tf.Tensor>();
  for (const t of tensorsOf(result, residual)) copies.set(t, tf.clone(t));
  for (const t of copies.keys()) t.dispose();
  const copy = <T extends tf.Tensor>(t: T): T => copies.get(t) as T;
  const all = (map: TensorMap): TensorMap => Object.fromEntries(Object.entries(map).map(([k, t]) => [k, copy(t)]));
  return {
    result: {
      total: copy(result.total),
      parts: all(result.parts) as Record<string, tf.Scalar>,
      codes: copy(result.codes),
      recon: copy(result.recon),
      carry: all(result.carry ?? {}),
    },
    residual: copy(residual),
  };
}


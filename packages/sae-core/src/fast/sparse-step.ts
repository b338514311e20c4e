import type { SparseOps } from '@salmon-sae/compute';
import { disposeActs, tf } from '@salmon-sae/compute';
import type { TensorMap } from '../architectures/architecture.js';
import { nextSilence } from '../train/autodiff-step.js';
import type { StepSchedule, TrainingOptions } from '../train/training-config.js';
import type { AuxResult } from './aux-term.js';
import { auxTerm } from './aux-term.js';
import type { SparseConfig } from './coverage.js';
import { denseStep, isCrowded } from './dense-step.js';
import { encodeTiles } from './encode-tiles.js';
import { carryOf, entryGradients, openEntries, selectionOf } from './entries.js';
import type { Phases } from './phases.js';
import type { SparseParams, StepGradients } from './sparse-params.js';

export interface SparseStepRequest {
  readonly config: SparseConfig;
  readonly training: TrainingOptions;
  readonly params: SparseParams;
  /** [B, d] and [B, dOut], in training units. */
  readonly x: tf.Tensor2D;
  readonly target: tf.Tensor2D;
  readonly schedule: StepSchedule;
  readonly silence: tf.Tensor1D;
  readonly deadAfter: number;
  /** Share of open entries above which the step is computed densely. */
  readonly denseAbove: number;
}

export interface SparseStepResult {
  readonly gradients: StepGradients;
  readonly total: tf.Scalar;
  readonly parts: Readonly<Record<string, tf.Scalar>>;
  /** [F] bool */
  readonly fired: tf.Tensor1D;
  readonly carry: TensorMap;
  readonly l0: tf.Scalar;
  readonly squaredError: tf.Scalar;
}

/**
 * Loss and gradients of one batch with arithmetic only where latents are active: the encoder's product is dense, decoding, the
 * activations' gradient and both weight gradients touch the entries alone. Call inside a `tf.tidy`. The matrices' gradients are left
 * in `params`, with the part along the decoder rows removed where the decoder is held at unit norm.
 */
export function sparseStep(ops: SparseOps, request: SparseStepRequest, phases: Phases): SparseStepResult {
  const { config, training, params, target, schedule } = request;
  const { vectors } = params;
  const rows = request.x.shape[0];
  const bias = vectors['b_enc'] as tf.Tensor1D | undefined;
  const shift = vectors['b_dec'] as tf.Tensor1D | undefined;
  const centred = config.applyDecoderBiasToInput && shift !== undefined;
  const x = centred ? (tf.sub(request.x, shift) as tf.Tensor2D) : request.x;
  if (isCrowded(request, x)) return denseStep(ops, { ...request, centred: centred ? x : undefined }, phases);
  const selection = selectionOf(config, vectors, { rows, schedule });
  const acts = encodeTiles(ops, { x, rows: params.encoderRows, bias, selection, lowPrecision: training.precision === 'bfloat16-encoder' }, phases);
  const open = phases.time('entries', () => openEntries(ops, config, { acts, vectors }));
  const decoder = { rows: params.decoderRows, ...(shift === undefined ? {} : { bias: shift }) };
  const { residual, squares } = phases.time('decode', () => ops.residual(acts, open.value, { ...decoder, target }));
  const along = phases.time('activation gradient', () => ops.dots(acts, residual, decoder.rows));
  // d/df of mean over rows of the squared error: (2 / B) (recon - target) . W_dec row.
  const onValue = tf.mul(along, 2 / rows) as tf.Tensor1D;
  const sparsity = phases.time('entries', () => entryGradients(ops, config, { open, onValue, vectors, schedule }));
  const onPre = tf.mul(open.gate, sparsity.onValue === undefined ? onValue : tf.add(onValue, sparsity.onValue)) as tf.Tensor1D;
  const fired = tf.greater(ops.sumByLatent(acts, open.gate), 0) as tf.Tensor1D;
  const aux = phases.time('aux', () => auxOf(ops, request, { x, residual, fired }));

  const project = training.decoder === 'unit-norm';
  const weights = phases.time('weight gradients', () => {
    ops.clear(params.decoderGradient);
    ops.clear(params.encoderGradient);
    // (gradient row) . (decoder row) needs no pass over the matrix: it is the sum of f dL/df over the latent's entries.
    const minus = project ? { minus: { rows: decoder.rows, scale: ops.sumByLatent(acts, tf.mul(open.value, onValue)) } } : {};
    const main = [
      ops.addRows(params.decoderGradient, acts, { coefficient: tf.mul(open.value, 2 / rows), dense: residual, ...minus }),
      ops.addRows(params.encoderGradient, acts, { coefficient: onPre, dense: x }),
    ];
    if (aux === undefined) return tf.addN(main);
    aux.addTo(params.decoderGradient, params.encoderGradient, project);
    return tf.add(ops.squaredNorm(params.decoderGradient), ops.squaredNorm(params.encoderGradient));
  }) as tf.Scalar;

  const vectorGradients: Record<string, tf.Tensor> = {};
  const own = ops.sumByLatent(acts, onPre);
  const onBias = aux === undefined ? own : (tf.add(own, aux.encoderBias) as tf.Tensor1D);
  if (bias !== undefined) vectorGradients['b_enc'] = onBias;
  if (shift !== undefined) {
    const decoded = tf.mul(tf.sum(residual, 0), 2 / rows);
    const encoded = centred ? tf.reshape(tf.matMul(tf.expandDims(onBias, 0), params.encoderRows), [-1]) : undefined;
    vectorGradients['b_dec'] = encoded === undefined ? decoded : tf.sub(decoded, encoded);
  }
  if (sparsity.threshold !== undefined) vectorGradients[sparsity.threshold.name] = sparsity.threshold.gradient;

  const parts: Record<string, tf.Scalar> = { mse: tf.div(squares, rows) as tf.Scalar };
  if (sparsity.penalty !== undefined) parts[sparsity.penalty.name] = sparsity.penalty.value;
  if ((config.kind === 'topk' || config.kind === 'batchtopk') && config.aux.coefficient > 0) parts['aux'] = aux?.value ?? tf.scalar(0);
  const carry = carryOf(config, ops, acts);
  const total = tf.addN(Object.values(parts)) as tf.Scalar;
  aux?.dispose();
  disposeActs(acts);
  return { gradients: { squares: weights, vectors: vectorGradients }, total, parts, fired, carry, l0: open.l0, squaredError: squares };
}

function auxOf(ops: SparseOps, request: SparseStepRequest, given: { readonly x: tf.Tensor2D; readonly residual: tf.Tensor2D; readonly fired: tf.Tensor1D }): AuxResult | undefined {
  const { config, params, training, schedule } = request;
  if ((config.kind !== 'topk' && config.kind !== 'batchtopk') || config.aux.coefficient === 0) return undefined;
  const perStep = training.deadUnit === 'tokens' ? given.x.shape[0] : 1;
  if ((schedule.step + 1) * perStep < request.deadAfter) return undefined;
  const before = training.deadRule === 'before-step';
  const silence = (before ? request.silence : nextSilence(request.silence, given.fired, perStep)).dataSync<'int32'>();
  const dead: number[] = [];
  for (let f = 0; f < silence.length; f++) {
    const quiet = silence[f] as number;
    if (before ? quiet > Math.floor(request.deadAfter) : quiet >= Math.ceil(request.deadAfter)) dead.push(f);
  }
  if (dead.length === 0) return undefined;
  return auxTerm(ops, {
    config: config.aux,
    dead: Int32Array.from(dead),
    latents: config.latents,
    x: given.x,
    encoder: params.encoderRows,
    bias: params.vectors['b_enc'] as tf.Tensor1D | undefined,
    decoder: params.decoderRows,
    residual: given.residual,
    target: request.target,
  });
}

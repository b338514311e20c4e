import type { SparseActs, SparseOps } from '@salmon-sae/compute';
import { tf } from '@salmon-sae/compute';
import type { TensorMap } from '../architectures/architecture.js';
import { prefixWidths } from '../architectures/matryoshka.js';
import type { ResolvedSpec } from '../train/train-spec.js';
import type { StepSchedule, TrainingOptions } from '../train/training-config.js';
import { auxTerm } from './aux-term.js';
import type { SparseConfig } from './coverage.js';
import { isRanked, usesNorms } from './coverage.js';
import { deadLatents } from './dead-latents.js';
import { autodiffFallback } from './autodiff-fallback.js';
import { denseStep, isCrowded } from './dense-step.js';
import { encodeTiles } from './encode-tiles.js';
import type { EntryGradients } from './entries.js';
import { carryOf, entryGradients, openEntries, selectionOf, topKOf } from './entries.js';
import type { ExtraTerm } from './extra-term.js';
import type { Phases } from './phases.js';
import { preActTerm } from './pre-act-term.js';
import type { Ends, Group, Reconstruction } from './reconstruction.js';
import { endsOf, groupsOf, reconstruct } from './reconstruction.js';
import type { SparseParams, StepGradients } from './sparse-params.js';

export interface SparseStepRequest {
  readonly spec: ResolvedSpec;
  readonly config: SparseConfig;
  readonly training: TrainingOptions;
  readonly params: SparseParams;
  /** The architecture's own, as in `Learner`. */
  readonly state: TensorMap;
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
  const { config, training, params, schedule } = request;
  const { vectors } = params;
  // The projection below takes the rows' norms for 1, which they are from the first update on.
  if (training.decoder === 'unit-norm' && !params.unitRows) return phases.time('fallback', () => autodiffFallback(ops, request));
  const ends = endsOf(request);
  const norms = usesNorms(config, training.decoder === 'unit-norm') ? (tf.norm(params.decoderRows, 'euclidean', 1) as tf.Tensor1D) : undefined;
  if (isCrowded(request, ends.x)) {
    const simple = norms === undefined && vectors['W_skip'] === undefined && ends.finish === undefined;
    return simple ? denseStep(ops, { ...request, centred: ends.centred ? ends.x : undefined }, phases) : phases.time('fallback', () => autodiffFallback(ops, request));
  }
  const scale = isRanked(config) && norms !== undefined ? { scale: norms } : {};
  const selection = selectionOf(config, vectors, { rows: ends.x.shape[0], schedule });
  const selected = encodeTiles(ops, { x: ends.x, rows: params.encoderRows, bias: vectors['b_enc'] as tf.Tensor1D | undefined, ...scale, selection, lowPrecision: training.precision === 'bfloat16-encoder' }, phases);
  const multi = config.kind === 'topk' && config.multiWeight > 0;
  const acts = multi ? ops.keepTopK(selected, topKOf(config, schedule)) : selected;
  const open = phases.time('entries', () => openEntries(ops, config, { acts, vectors, norms }));
  const weight = lossWeight(config, request.target);
  const main = phases.time('decode', () => branchOf(ops, request, { ends, acts, value: open.value, weight }));
  const along = phases.time('activation gradient', () => gradientOfValues(ops, main, params));
  const sparsity = phases.time('entries', () => entryGradients(ops, config, { open, onValue: along, vectors, norms, schedule }));
  const onPre = tf.mul(open.gate, sparsity.onValue === undefined ? along : tf.add(along, sparsity.onValue)) as tf.Tensor1D;
  const branches: Traced[] = [{ branch: main, acts, value: open.value, onValue: along, onPre, ...(sparsity.onNorm === undefined ? {} : { onNorm: sparsity.onNorm }) }];
  if (multi) {
    const wide = openEntries(ops, config, { acts: selected, vectors, norms });
    const branch = phases.time('decode', () => branchOf(ops, request, { ends, acts: selected, value: wide.value, weight: weight * config.multiWeight }));
    const onValue = phases.time('activation gradient', () => gradientOfValues(ops, branch, params));
    branches.push({ branch, acts: selected, value: wide.value, onValue, onPre: onValue });
  }
  const fired = tf.greater(ops.sumByLatent(acts, open.gate), 0) as tf.Tensor1D;
  const terms = phases.time('aux', () => extraTerms(ops, request, { ends, fired, norms, reconstructions: main.reconstructions }));
  const squares = phases.time('weight gradients', () => weightGradients(ops, request, { ends, branches, terms, norms }));

  const biasParts = [...branches.map(({ acts: own, onPre: each }) => ops.sumByLatent(own, each)), ...terms.map((term) => term.encoderBias)];
  const parts = partsOf(config, { main, weight, rows: ends.x.shape[0], sparsity, terms, wide: branches[1]?.branch });
  return {
    gradients: { squares, vectors: vectorGradients(request, { ends, branches, terms, sparsity, onBias: biasParts.length === 1 ? (biasParts[0] as tf.Tensor1D) : (tf.addN(biasParts) as tf.Tensor1D) }) },
    total: tf.addN(Object.values(parts)) as tf.Scalar,
    parts,
    fired,
    carry: carryOf(config, ops, acts),
    l0: open.l0,
    squaredError: (main.reconstructions.at(-1) as Reconstruction).squares,
  };
}

/** Reconstruction losses that share a decoder input. */
interface Branch {
  readonly groups: readonly Group[];
  readonly reconstructions: readonly Reconstruction[];
  /** For each group `factor` times this is the gradient of the loss with respect to what the group adds to the output, [B, dOut]. */
  readonly slopes: readonly tf.Tensor2D[];
  readonly factor: number;
}

/** A branch with the gradients of its entries. */
interface Traced {
  readonly branch: Branch;
  readonly acts: SparseActs;
  readonly value: tf.Tensor1D;
  /** [nnz] of the reconstruction alone. */
  readonly onValue: tf.Tensor1D;
  /** [nnz] of all terms. */
  readonly onPre: tf.Tensor1D;
  /** [F] dL/d norm of the decoder rows. */
  readonly onNorm?: tf.Tensor1D;
}

/** What the summed squared error is multiplied by, beside 1 / rows. */
function lossWeight(config: SparseConfig, target: tf.Tensor2D): number {
  if (config.kind === 'matryoshka') return config.combine === 'mean' ? 1 / prefixWidths(config).length : 1;
  if (config.kind !== 'topk' || !config.normalizeLoss) return 1;
  return target.shape[0] / (tf.sum(tf.square(tf.sub(target, tf.mean(target, 0)))).dataSync()[0] as number);
}

function branchOf(ops: SparseOps, { config, params }: SparseStepRequest, given: { readonly ends: Ends; readonly acts: SparseActs; readonly value: tf.Tensor1D; readonly weight: number }): Branch {
  const groups = groupsOf(config, given.acts, given.value);
  const reconstructions = reconstruct(ops, given.ends, { groups, params });
  // A group takes part in its own reconstruction and all later ones.
  const slopes: tf.Tensor2D[] = [];
  for (const { slope } of [...reconstructions].reverse()) slopes.unshift(slopes[0] === undefined ? slope : (tf.add(slopes[0], slope) as tf.Tensor2D));
  return { groups, reconstructions, slopes, factor: (2 * given.weight) / given.ends.x.shape[0] };
}

/** dL/df of the reconstructions at every entry, [nnz]. */
function gradientOfValues(ops: SparseOps, { groups, slopes, factor }: Branch, params: SparseParams): tf.Tensor1D {
  const each = groups.map(({ acts }, i) => ops.dots(acts, slopes[i] as tf.Tensor2D, params.decoderRows));
  return tf.mul(each.length === 1 ? (each[0] as tf.Tensor1D) : tf.concat(each), factor) as tf.Tensor1D;
}

/** Leaves the gradients of both matrices in `params`; returns their sum of squares. */
function weightGradients(ops: SparseOps, { training, params }: SparseStepRequest, given: { readonly ends: Ends; readonly branches: readonly Traced[]; readonly terms: readonly ExtraTerm[]; readonly norms: tf.Tensor1D | undefined }): tf.Scalar {
  const { decoderGradient, encoderGradient, decoderRows: rows } = params;
  const project = training.decoder === 'unit-norm';
  ops.clear(decoderGradient);
  ops.clear(encoderGradient);
  const squares: tf.Scalar[] = [];
  for (const { branch, acts, value, onValue, onPre, onNorm } of given.branches) {
    // (gradient row) . (decoder row) needs no pass over the matrix: it is the sum of f dL/df over the latent's entries. The norm's
    // gradient lies along the row.
    const scale = project ? ops.sumByLatent(acts, tf.mul(value, onValue)) : onNorm === undefined ? undefined : (tf.neg(tf.div(onNorm, given.norms as tf.Tensor1D)) as tf.Tensor1D);
    for (const [i, group] of branch.groups.entries()) {
      const terms = { coefficient: tf.mul(group.value, branch.factor) as tf.Tensor1D, dense: branch.slopes[i] as tf.Tensor2D };
      squares.push(ops.addRows(decoderGradient, group.acts, { ...terms, ...(scale === undefined ? {} : { minus: { rows, scale } }) }));
    }
    squares.push(ops.addRows(encoderGradient, acts, { coefficient: onPre, dense: given.ends.x }));
  }
  for (const term of given.terms) term.addTo(decoderGradient, encoderGradient, project);
  // What was added to rows more than once is not the sum of what was added.
  if (given.branches.length > 1 || given.terms.length > 0) return tf.add(ops.squaredNorm(decoderGradient), ops.squaredNorm(encoderGradient));
  return tf.addN(squares);
}

/** AuxK and the pull on dead pre-activations. */
function extraTerms(ops: SparseOps, request: SparseStepRequest, given: { readonly ends: Ends; readonly fired: tf.Tensor1D; readonly norms: tf.Tensor1D | undefined; readonly reconstructions: readonly Reconstruction[] }): readonly ExtraTerm[] {
  const { config, params } = request;
  const { ends, norms, reconstructions } = given;
  const preAct = config.kind === 'jumprelu' ? config.preActCoefficient : null;
  const aux = isRanked(config) && config.aux.coefficient > 0 ? config.aux : undefined;
  if (preAct === null && aux === undefined) return [];
  const dead = deadLatents(request, given.fired);
  if (dead.length === 0) return [];
  if (aux === undefined) return preAct === null ? [] : [preActTerm(ops, { coefficient: preAct, dead, x: ends.x, params, norms: norms as tf.Tensor1D })];
  const common = { config: aux, latents: config.latents, x: ends.x, encoder: params.encoderRows, bias: params.vectors['b_enc'] as tf.Tensor1D | undefined, decoder: params.decoderRows, norms, target: request.target };
  const levels = config.kind === 'matryoshka' && config.auxPerLevel ? prefixWidths(config) : [config.latents];
  return levels.flatMap((to, level) => {
    const from = levels[level - 1] ?? 0;
    const here = dead.filter((f) => f >= from && f < to);
    const { residual } = reconstructions[reconstructions.length - levels.length + level] as Reconstruction;
    const term = here.length === 0 ? undefined : auxTerm(ops, { ...common, dead: here, residual });
    return term === undefined ? [] : [term];
  });
}

function vectorGradients(request: SparseStepRequest, given: { readonly ends: Ends; readonly branches: readonly Traced[]; readonly terms: readonly ExtraTerm[]; readonly sparsity: EntryGradients; readonly onBias: tf.Tensor1D }): TensorMap {
  const { vectors, encoderRows } = request.params;
  const { ends, onBias } = given;
  const out: Record<string, tf.Tensor> = {};
  if (vectors['b_enc'] !== undefined) out['b_enc'] = onBias;
  if (vectors['b_dec'] !== undefined) {
    const each = given.branches.map(({ branch }) => tf.mul(tf.sum(branch.slopes[0] as tf.Tensor2D, 0), branch.factor));
    const decoded = tf.addN(each);
    out['b_dec'] = ends.centred ? tf.sub(decoded, tf.reshape(tf.matMul(tf.expandDims(onBias, 0), encoderRows), [-1])) : decoded;
  }
  if (vectors['W_skip'] !== undefined) {
    const each = given.branches.map(({ branch }) => tf.mul(tf.matMul(branch.slopes[0] as tf.Tensor2D, ends.normed, true, false), branch.factor));
    out['W_skip'] = tf.addN(each);
  }
  const onThreshold = [given.sparsity.threshold, ...given.terms.map((term) => term.threshold)].filter((gradient) => gradient !== undefined);
  if (onThreshold.length > 0) {
    const raw = tf.addN(onThreshold);
    const log = vectors['log_threshold'];
    if (log === undefined) out['threshold'] = raw;
    else out['log_threshold'] = tf.mul(raw, tf.exp(log));
  }
  return out;
}

/** Every addend of the loss, under the names of the dense step. */
function partsOf(config: SparseConfig, given: { readonly main: Branch; readonly weight: number; readonly rows: number; readonly sparsity: EntryGradients; readonly terms: readonly ExtraTerm[]; readonly wide: Branch | undefined }): Record<string, tf.Scalar> {
  const error = (reconstruction: Reconstruction, weight: number): tf.Scalar => tf.mul(reconstruction.squares, weight / given.rows);
  const parts: Record<string, tf.Scalar> = {};
  const { reconstructions } = given.main;
  for (const [level, reconstruction] of reconstructions.entries()) {
    const name = config.kind !== 'matryoshka' || level === reconstructions.length - 1 ? 'mse' : `inner_${prefixWidths(config)[level] as number}`;
    parts[name] = error(reconstruction, given.weight);
  }
  if (given.wide !== undefined && config.kind === 'topk') parts['multi'] = error(given.wide.reconstructions[0] as Reconstruction, given.weight * config.multiWeight);
  if (given.sparsity.penalty !== undefined) parts[given.sparsity.penalty.name] = given.sparsity.penalty.value;
  if (isRanked(config) && config.aux.coefficient > 0) parts['aux'] = tf.scalar(0);
  if (config.kind === 'jumprelu' && config.preActCoefficient !== null) parts['preAct'] = tf.scalar(0);
  for (const term of given.terms) parts[term.name] = tf.add(parts[term.name] as tf.Scalar, term.value);
  return parts;
}

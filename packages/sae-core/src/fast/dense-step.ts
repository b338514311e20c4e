import type { SparseOps } from '@salmon-sae/compute';
import { bf16MatMul, tf } from '@salmon-sae/compute';
import type { TensorMap } from '../architectures/architecture.js';
import type { JumpReluConfig } from '../architectures/jumprelu.js';
import type { StandardConfig } from '../architectures/standard.js';
import { thetaOf } from './entries.js';
import type { Phases } from './phases.js';
import type { SparseStepRequest, SparseStepResult } from './sparse-step.js';

/** Share of active entries above which dense products cost less than sparse ones (about 25 dense operations in the time of a sparse one). */
export const DENSE_ABOVE = 0.04;
const TILE_BYTES = 64e6;
/** Pre-activations of all latents are kept from the forward to the backward pass up to this size; larger ones are computed twice. */
const HELD_BYTES = 600e6;

/** Early in training a threshold lets half of all entries through: whether this step had better be dense, judged by the first rows and latents. */
export function isCrowded(request: SparseStepRequest, x: tf.Tensor2D): boolean {
  const { config, params } = request;
  if (config.kind !== 'jumprelu' && config.kind !== 'standard') return false;
  return (
    tf.tidy(() => {
      const rows = Math.min(64, x.shape[0]);
      const latents = Math.min(2048, config.latents);
      const weights = tf.slice(params.encoderRows, [0, 0], [latents, x.shape[1]]);
      const pre = tf.matMul(tf.slice(x, [0, 0], [rows, x.shape[1]]), weights, false, true);
      const bias = params.vectors['b_enc'];
      const limit = tf.slice(limitsOf(config, params.vectors), 0, latents);
      const open = tf.greater(bias === undefined ? pre : tf.add(pre, tf.slice(bias as tf.Tensor1D, 0, latents)), limit);
      return tf.mean(tf.cast(open, 'float32')) as tf.Scalar;
    }).dataSync()[0]! > request.denseAbove
  );
}

/** The same step with dense products, a block of latents at a time. For JumpReLU and ReLU; the results differ from the sparse step's by rounding alone. */
export function denseStep(ops: SparseOps, request: SparseStepRequest & { readonly centred: tf.Tensor2D | undefined }, phases: Phases): SparseStepResult {
  const config = request.config as JumpReluConfig | StandardConfig;
  const { training, params, target, schedule } = request;
  const { vectors } = params;
  const x = request.centred ?? request.x;
  const rows = x.shape[0];
  const tiles = tilesOf(config.latents, rows);
  const limits = limitsOf(config, vectors);
  const shift = vectors['b_dec'] as tf.Tensor1D | undefined;
  const block = (matrix: tf.Tensor2D, { from, n }: Tile): tf.Tensor2D => tf.slice(matrix, [from, 0], [n, matrix.shape[1]]) as tf.Tensor2D;
  const part = (vector: tf.Tensor, { from, n }: Tile): tf.Tensor1D => tf.slice(vector as tf.Tensor1D, from, n) as tf.Tensor1D;

  const encode = (tile: Tile): tf.Tensor2D =>
    phases.time('encode', () =>
      tf.tidy(() => {
        const weights = block(params.encoderRows, tile);
        const product = training.precision === 'bfloat16-encoder' ? bf16MatMul(x, weights, { transposeB: true }) : tf.matMul(x, weights, false, true);
        const bias = vectors['b_enc'];
        return (bias === undefined ? product : tf.add(product, part(bias, tile))) as tf.Tensor2D;
      }),
    );
  const held = 4 * rows * config.latents <= HELD_BYTES ? tiles.map(encode) : undefined;
  /** Pre-activations of a tile and which of them are open. */
  const opened = (i: number): { readonly pre: tf.Tensor2D; readonly gate: tf.Tensor2D } => {
    const pre = held?.[i] ?? encode(tiles[i]!);
    return { pre, gate: tf.cast(tf.greater(pre, part(limits, tiles[i]!)), 'float32') };
  };
  const [residual, active] = phases.time('decode', () => {
    let sum: tf.Tensor = shift === undefined ? tf.neg(target) : tf.sub(shift, target);
    const counts: tf.Tensor1D[] = [];
    for (const [i, tile] of tiles.entries()) {
      const [added, count] = tf.tidy(() => {
        const { pre, gate } = opened(i);
        return [tf.add(sum, tf.matMul(tf.mul(pre, gate), block(params.decoderRows, tile))), tf.sum(gate, 0)];
      }) as [tf.Tensor, tf.Tensor1D];
      sum.dispose();
      sum = added;
      counts.push(count);
    }
    return [sum as tf.Tensor2D, tf.concat(counts) as tf.Tensor1D];
  });
  const squares = tf.sum(tf.square(residual)) as tf.Scalar;
  const l0 = tf.div(tf.sum(active), rows) as tf.Scalar;
  const penalty = penaltyOf(config, { l0, sparsity: schedule.sparsity, rows });

  const project = training.decoder === 'unit-norm';
  const slope = tf.mul(residual, 2 / rows) as tf.Tensor2D;
  const collected: { squares: tf.Scalar[]; bias: tf.Tensor1D[]; theta: tf.Tensor1D[]; l1: tf.Scalar[] } = { squares: [], bias: [], theta: [], l1: [] };
  ops.clear(params.decoderGradient);
  ops.clear(params.encoderGradient);
  for (const [i, tile] of tiles.entries()) {
    const out = tf.tidy(() => {
      const { pre, gate } = opened(i);
      const codes = tf.mul(pre, gate);
      const W = block(params.decoderRows, tile);
      const onValue = phases.time('activation gradient', () => tf.matMul(slope, W, false, true));
      const onPre = tf.mul(gate, penalty.onValue === undefined ? onValue : tf.add(onValue, penalty.onValue)) as tf.Tensor2D;
      const [toDecoder, toEncoder] = phases.time('weight gradients', () => {
        const outer = tf.matMul(codes, slope, true, false);
        const along = project ? tf.mul(W, tf.expandDims(tf.sum(tf.mul(codes, onValue), 0), 1)) : undefined;
        return [along === undefined ? outer : tf.sub(outer, along), tf.matMul(onPre, x, true, false)] as [tf.Tensor2D, tf.Tensor2D];
      });
      const sums = tf.add(ops.setRows(params.decoderGradient, tile.from, toDecoder), ops.setRows(params.encoderGradient, tile.from, toEncoder));
      const theta = penalty.theta === undefined ? [] : [penalty.theta({ pre, codes, limit: part(limits, tile), onValue })];
      return [sums, tf.sum(onPre, 0), tf.sum(codes), ...theta];
    }) as [tf.Scalar, tf.Tensor1D, tf.Scalar, tf.Tensor1D?];
    collected.squares.push(out[0]);
    collected.bias.push(out[1]);
    collected.l1.push(out[2]);
    if (out[3] !== undefined) collected.theta.push(out[3]);
  }
  const onBias = tf.concat(collected.bias) as tf.Tensor1D;
  const vectorGradients: Record<string, tf.Tensor> = {};
  if (vectors['b_enc'] !== undefined) vectorGradients['b_enc'] = onBias;
  if (shift !== undefined) {
    const decoded = tf.sum(slope, 0);
    const encoded = request.centred === undefined ? undefined : tf.reshape(tf.matMul(tf.expandDims(onBias, 0), params.encoderRows), [-1]);
    vectorGradients['b_dec'] = encoded === undefined ? decoded : tf.sub(decoded, encoded);
  }
  if (collected.theta.length > 0) {
    const raw = tf.concat(collected.theta);
    const log = vectors['log_threshold'];
    if (log === undefined) vectorGradients['threshold'] = raw;
    else vectorGradients['log_threshold'] = tf.mul(raw, tf.exp(log));
  }
  const parts = { mse: tf.div(squares, rows) as tf.Scalar, [penalty.name]: penalty.value(tf.addN(collected.l1) as tf.Scalar) };
  return {
    gradients: { squares: tf.addN(collected.squares) as tf.Scalar, vectors: vectorGradients },
    total: tf.addN(Object.values(parts)) as tf.Scalar,
    parts,
    fired: tf.greater(active, 0) as tf.Tensor1D,
    carry: {},
    l0,
    squaredError: squares,
  };
}

interface Tile {
  readonly from: number;
  readonly n: number;
}

function tilesOf(latents: number, rows: number): readonly Tile[] {
  const size = Math.max(256, Math.floor(TILE_BYTES / 4 / rows / 64) * 64);
  return Array.from({ length: Math.ceil(latents / size) }, (_, i) => ({ from: i * size, n: Math.min(size, latents - i * size) }));
}

/** What a pre-activation must exceed, [F]. */
function limitsOf(config: JumpReluConfig | StandardConfig, vectors: TensorMap): tf.Tensor1D {
  return config.kind === 'jumprelu' ? thetaOf(vectors) : (tf.zeros([config.latents]) as tf.Tensor1D);
}

interface Penalty {
  readonly name: string;
  /** From the sum of all activations. */
  value(sumOfCodes: tf.Scalar): tf.Scalar;
  readonly onValue?: number;
  theta?(tile: { readonly pre: tf.Tensor2D; readonly codes: tf.Tensor; readonly limit: tf.Tensor1D; readonly onValue: tf.Tensor }): tf.Tensor1D;
}

function penaltyOf(config: JumpReluConfig | StandardConfig, batch: { readonly l0: tf.Scalar; readonly sparsity: number; readonly rows: number }): Penalty {
  const { l0, sparsity, rows } = batch;
  if (config.kind === 'standard') {
    const coefficient = config.l1Coefficient * sparsity;
    return { name: 'l1', value: (sum) => tf.mul(sum, coefficient / rows) as tf.Scalar, onValue: coefficient / rows };
  }
  const lambda = config.coefficient * sparsity;
  const quadratic = config.sparsity === 'quadratic';
  const excess = tf.sub(tf.div(l0, config.targetL0), 1);
  const perRow = tf.div(quadratic ? tf.mul(excess, (2 * lambda) / config.targetL0) : tf.scalar(lambda), rows);
  const near = (z: tf.Tensor, limit: tf.Tensor1D): tf.Tensor => tf.cast(tf.less(tf.abs(tf.sub(z, limit)), config.bandwidth / 2), 'float32');
  return {
    name: 'l0',
    value: () => tf.mul(quadratic ? tf.square(excess) : l0, lambda) as tf.Scalar,
    // JumpReLU (arXiv 2407.14435) eq. 11 and 12, as in the sparse step.
    theta: ({ pre, codes, limit, onValue }) => {
      const band = near(pre, limit);
      const fromCodes = tf.mul(tf.sum(tf.mul(band, onValue), 0), tf.mul(limit, -1 / config.bandwidth));
      const reached = tf.sum(config.l0SteOn === 'pre' ? band : near(codes, limit), 0);
      return tf.add(fromCodes, tf.mul(reached, tf.mul(perRow, -1 / config.bandwidth))) as tf.Tensor1D;
    },
  };
}

import type { SparseActs, SparseOps } from '@salmon-sae/compute';
import { tf } from '@salmon-sae/compute';
import { prefixWidths } from '../architectures/matryoshka.js';
import { tokenNorm } from '../train/token-norm.js';
import type { SparseConfig } from './coverage.js';
import { entriesIn } from './latent-ranges.js';
import type { SparseParams } from './sparse-params.js';

export interface OutputRequest {
  readonly config: SparseConfig;
  readonly params: SparseParams;
  /** [B, d] and [B, dOut], in training units. */
  readonly x: tf.Tensor2D;
  readonly target: tf.Tensor2D;
}

/** Both ends of the SAE: what the encoder reads, and how decoded entries are compared with the target. */
export interface Ends {
  /** Normalised by token and centred, as the encoder reads it, [B, d]. */
  readonly x: tf.Tensor2D;
  /** The same before centring: what the skip connection reads. */
  readonly normed: tf.Tensor2D;
  /** Whether b_dec was subtracted from x. */
  readonly centred: boolean;
  /** [B, dOut]; the skip connection's output is already taken off it where nothing else comes after the decoder. */
  readonly target: tf.Tensor2D;
  /** What follows the decoder, where more does than a bias: the output from decoded entries with bias. */
  readonly finish?: (decoded: tf.Tensor2D) => tf.Tensor2D;
  /** [B, 1] d output / d recon, where that is not 1. */
  readonly scale?: tf.Tensor2D;
}

export function endsOf({ config, params, x, target }: OutputRequest): Ends {
  const { b_dec: shift, W_skip: skip } = params.vectors;
  const norm = tokenNorm(config.normalizeActivations, x);
  const centred = config.applyDecoderBiasToInput && shift !== undefined;
  const common = { x: centred ? (tf.sub(norm.x, shift) as tf.Tensor2D) : norm.x, normed: norm.x, centred };
  const skipped = skip === undefined ? undefined : (tf.matMul(norm.x, skip as tf.Tensor2D, false, true) as tf.Tensor2D);
  if (norm.scale === undefined) return { ...common, target: skipped === undefined ? target : (tf.sub(target, skipped) as tf.Tensor2D) };
  return { ...common, target, scale: norm.scale, finish: (decoded) => norm.undo(skipped === undefined ? decoded : tf.add(decoded, skipped)) };
}

/** One reconstruction: its error and the direction in which the decoder's output moves it. */
export interface Reconstruction {
  /** output - target [B, dOut] */
  readonly residual: tf.Tensor2D;
  /** Sum of the residual's squares. */
  readonly squares: tf.Scalar;
  /** Half the gradient of `squares` with respect to the decoder's output, [B, dOut]. */
  readonly slope: tf.Tensor2D;
}

/** The reconstructions by the first group, by the first two, and so on to all; the last is the SAE's own. */
export function reconstruct(ops: SparseOps, ends: Ends, { groups, params }: { readonly groups: readonly Group[]; readonly params: SparseParams }): readonly Reconstruction[] {
  const rows = params.decoderRows;
  const shift = params.vectors['b_dec'] as tf.Tensor1D | undefined;
  const bias = shift === undefined ? {} : { bias: shift };
  const out: Reconstruction[] = [];
  let decoded: tf.Tensor2D | undefined;
  for (const { acts, value } of groups) {
    const before = out.at(-1);
    if (ends.finish === undefined) {
      const { residual, squares } = ops.residual(acts, value, { rows, ...(before === undefined ? { ...bias, target: ends.target } : { target: tf.neg(before.residual) as tf.Tensor2D }) });
      out.push({ residual, squares, slope: residual });
    } else {
      decoded = decoded === undefined ? ops.decode(acts, value, { rows, ...bias }) : (tf.add(decoded, ops.decode(acts, value, { rows })) as tf.Tensor2D);
      const residual = tf.sub(ends.finish(decoded), ends.target) as tf.Tensor2D;
      out.push({ residual, squares: tf.sum(tf.square(residual)) as tf.Scalar, slope: tf.mul(residual, ends.scale as tf.Tensor2D) });
    }
  }
  return out;
}

/** A range of latents that take part in the same reconstructions. */
export interface Group {
  readonly acts: SparseActs;
  /** [nnz of the group] what W_dec is multiplied with. */
  readonly value: tf.Tensor1D;
}

/** The entries as one group, or for a Matryoshka SAE a group for each prefix (the latents that it adds to the one before), in order. */
export function groupsOf(config: SparseConfig, acts: SparseActs, value: tf.Tensor1D): readonly Group[] {
  if (config.kind !== 'matryoshka') return [{ acts, value }];
  const widths = prefixWidths(config);
  const ends = tf.gather(acts.starts, tf.tensor1d([...widths], 'int32')).dataSync<'int32'>();
  return widths.map((_, level) => {
    const fromEntry = level === 0 ? 0 : (ends[level - 1] as number);
    const toEntry = ends[level] as number;
    return { acts: entriesIn(acts, { fromEntry, toEntry }), value: tf.slice(value, fromEntry, toEntry - fromEntry) as tf.Tensor1D };
  });
}

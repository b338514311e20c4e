import type { Accumulator } from '../accumulator.js';
import { cosine } from '../reconstruction/cosine.js';
import { fveToken } from '../reconstruction/fve-token.js';
import { l0, l1 } from '../reconstruction/l0.js';
import { l2Ratio } from '../reconstruction/l2-ratio.js';
import { relativeReconstructionBias } from '../reconstruction/relative-reconstruction-bias.js';
import type { PeerBatch } from './batch-moments.js';
import { batchMoments } from './batch-moments.js';

/** The keys that SAELens and SAEBench report. */
export type PeerMetrics = Readonly<Record<string, number>>;

/**
 * SAELens 6.45.3 `run_evals` reconstruction and sparsity keys, to compare with numbers published in that form. Ratios of batch
 * means are averaged over batches, so `relative_reconstruction_bias` and `explained_variance_legacy` depend on the batch size.
 */
export function saelensMetrics(): Accumulator<PeerBatch, PeerMetrics> {
  const sums = peerSums();
  return {
    add: sums.add,
    value: () => {
      const s = sums.value();
      return {
        ...s.shared,
        mse: s.squaredError / s.tokens,
        explained_variance: 1 - s.squaredError / (s.squares - s.meanSquare * s.tokens),
      };
    },
  };
}

/**
 * SAEBench 0.6.0 `core` keys. Two of them differ from SAELens ≥ 6.45: `mse` divides each token's squared error by the number of
 * tokens of its batch, and `explained_variance` subtracts (mean over dimensions of E[x_d²])² instead of ‖E x‖².
 */
export function saebenchMetrics(): Accumulator<PeerBatch, PeerMetrics> {
  const sums = peerSums();
  return {
    add: sums.add,
    value: () => {
      const s = sums.value();
      const meanSquare = s.squares / s.tokens / s.width;
      return {
        ...s.shared,
        mse: s.errorOverBatch / s.tokens,
        explained_variance: 1 - s.squaredError / s.tokens / (s.squares / s.tokens - meanSquare * meanSquare),
      };
    },
  };
}

interface PeerSums {
  readonly shared: PeerMetrics;
  readonly width: number;
  readonly tokens: number;
  readonly squares: number;
  /** ‖E x‖² over everything seen. */
  readonly meanSquare: number;
  readonly squaredError: number;
  /** Σ over batches of (Σ_t‖e‖² / tokens of the batch). */
  readonly errorOverBatch: number;
}

function peerSums(): { add: (batch: PeerBatch) => void; value: () => PeerSums } {
  const sum: Record<string, number> = {};
  let s1 = new Float64Array(0);
  let tokens = 0;
  let squares = 0;
  let squaredError = 0;
  let errorOverBatch = 0;
  const bump = (key: string, by: number): void => void (sum[key] = (sum[key] ?? 0) + by);
  return {
    add: (batch) => {
      const m = batchMoments(batch);
      if (s1.length === 0) s1 = new Float64Array(batch.width);
      for (let i = 0; i < batch.rows * batch.width; i++) {
        const d = i % batch.width;
        s1[d] = (s1[d] as number) + (batch.x[i] as number);
      }
      tokens += m.tokens;
      squares += m.inputSquares;
      squaredError += m.errorTotal;
      errorOverBatch += m.errorTotal / m.tokens;
      bump('l2_norm_in', m.inputNorms);
      bump('l2_norm_out', m.reconNorms);
      bump('l2_ratio', l2Ratio.of(m) * m.tokens);
      bump('relative_reconstruction_bias', relativeReconstructionBias.of(m) * m.tokens);
      bump('l0', l0.of(m) * m.tokens);
      bump('l1', l1.of(m) * m.tokens);
      bump('explained_variance_legacy', fveToken.of(m) * m.tokens);
      bump('cossim', cosine.of(m) * m.tokens);
    },
    value: () => ({
      shared: Object.fromEntries(Object.entries(sum).map(([key, total]) => [key, total / tokens])),
      width: s1.length,
      tokens,
      squares,
      meanSquare: s1.reduce((total, s) => total + (s / tokens) ** 2, 0),
      squaredError,
      errorOverBatch,
    }),
  };
}

import type { ActivationBatch } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { ObservableInput, OperatorFunction } from 'rxjs';
import { from, lastValueFrom } from 'rxjs';
import type { Accumulator } from '../accumulator.js';
import { accumulate } from '../accumulator.js';
import type { BootstrapOptions } from '../documents/document-bootstrap.js';
import { BOOTSTRAP_DEFAULTS, documentBootstrap } from '../documents/document-bootstrap.js';
import { documentUnits } from '../documents/document-units.js';
import { denseShare } from '../sparsity/dense-share.js';
import { documentGroups, latentCounts, totalCounts } from '../sparsity/latent-counts.js';
import type { LatentShare } from '../sparsity/latent-share.js';
import { latentShares } from '../sparsity/latent-share.js';
import { deadLatents, liveLatents } from '../sparsity/live-latents.js';
import { reconstructionMetrics } from './all.js';
import { checkBatch } from './check-batch.js';
import { errorSums } from './error-sums.js';
import type { ReconstructionEvaluation } from './evaluation.js';
import { inputSums } from './input-sums.js';
import type { ReconstructionMetric } from './moments.js';
import type { NamedSae } from './named-sae.js';
import { inputMoments, sampleMetrics } from './replicates.js';

export interface ReconstructionOptions extends BootstrapOptions {
  readonly metrics?: readonly ReconstructionMetric[];
  readonly shares?: readonly LatentShare[];
  /** [width] fixed centre of `fve_token@1`; without it the mean of the first `centreRows` rows (all rows, if there are fewer). */
  readonly centre?: ArrayLike<number>;
  /** Rows held back to find that centre (default 8192). */
  readonly centreRows?: number;
  /** Document groups for the intervals of latent shares (default 64). */
  readonly latentGroups?: number;
}

export interface ReconstructionRequest extends ReconstructionOptions {
  readonly saes: readonly NamedSae[];
  readonly batches: ObservableInput<ActivationBatch>;
}

/** One pass over activations: every metric of every SAE with bootstrap intervals over documents. */
export function evaluateReconstruction(request: ReconstructionRequest): Promise<ReconstructionEvaluation> {
  return lastValueFrom(from(request.batches).pipe(measureReconstruction(request.saes, request)));
}

/** The same as an operator: emits one evaluation when the stream completes. */
export function measureReconstruction(
  saes: readonly NamedSae[],
  options: ReconstructionOptions = {},
): OperatorFunction<ActivationBatch, ReconstructionEvaluation> {
  return accumulate(() => reconstructionAccumulator(saes, options));
}

/**
 * Streaming form. Buffers at most `centreRows` rows; holds per resampling unit (document) 2 * width + 11 numbers for each SAE.
 * `value` throws `SalmonError('no-data')` when nothing was added.
 */
export function reconstructionAccumulator(
  saes: readonly NamedSae[],
  options: ReconstructionOptions = {},
): Accumulator<ActivationBatch, ReconstructionEvaluation> {
  const metrics = options.metrics ?? reconstructionMetrics;
  const shares = options.shares ?? [liveLatents, deadLatents, denseShare];
  const width = saes[0]?.sae.outWidth;
  if (width === undefined) {
    throw new SalmonError('usage', { what: 'No SAE to evaluate', expected: 'at least one', got: 'an empty list' });
  }
  const units = documentUnits(options.units ?? BOOTSTRAP_DEFAULTS.units);
  const groups = options.latentGroups ?? 64;
  const input = inputSums(units, width);
  const perSae = saes.map(({ name, sae }) => ({
    name,
    sae,
    errors: errorSums(units, width),
    counts: latentCounts(sae.latents, groups),
  }));
  const centreRows = options.centreRows ?? 8192;
  let centre: ArrayLike<number> | undefined = options.centre;
  let centreFrom: ReconstructionEvaluation['centre'] = centre === undefined ? 'all rows' : 'given';
  let held: ActivationBatch[] = [];
  let heldRows = 0;

  const score = (batch: ActivationBatch, about: ArrayLike<number>): void => {
    const grouped = documentGroups(batch.origin.docs, groups);
    const unit = units.locate(batch.origin.docs, batch.origin.doc);
    const group = batch.origin.doc.map((d) => grouped[d] as number);
    const rows = { x: batch.target ?? batch.values, rows: batch.rows, unit, centre: about };
    const norms = { squares: new Float64Array(batch.rows), offsets: new Float64Array(batch.rows) };
    input.add(rows, norms.squares, norms.offsets);
    for (const { sae, errors, counts } of perSae) {
      const output = sae.run(batch.values, batch.rows);
      errors.add(rows, norms, output);
      counts.add(output.codes, group);
    }
  };
  const release = (): void => {
    if (held.length === 0) return;
    const about = (centre ??= meanOf(held, width));
    const batches = held;
    held = [];
    for (const batch of batches) score(batch, about);
  };

  return {
    add: (batch) => {
      checkBatch(batch, saes, width);
      if (batch.rows === 0) return;
      if (centre !== undefined && held.length === 0) {
        if (centreFrom === 'all rows') centreFrom = 'first rows';
        score(batch, centre);
        return;
      }
      held.push(batch);
      heldRows += batch.rows;
      if (heldRows >= centreRows) release();
    },
    value: () => {
      release();
      if (units.count === 0) {
        throw new SalmonError('no-data', {
          what: 'No activation rows were evaluated',
          expected: 'at least one row',
          got: 'an empty stream',
          todo: 'Check that the split is not empty and that special tokens are not all there is',
        });
      }
      const bootstrap = documentBootstrap(units, options);
      const x = inputMoments(input, width, bootstrap);
      return {
        tokens: x.total[0] as number,
        documents: units.documents,
        centre: centreFrom,
        saes: perSae.map(({ name, errors, counts }) => {
          const sampled = [
            ...sampleMetrics(x, errors, { bootstrap, metrics }),
            ...latentShares(counts, shares, {
              replicates: bootstrap.replicates,
              seed: options.seed ?? BOOTSTRAP_DEFAULTS.seed,
              key: bootstrap.key,
            }),
          ];
          return {
            sae: name,
            metrics: Object.fromEntries(sampled.map((s) => [s.metric, s])),
            latents: { tokens: x.total[0] as number, counts: totalCounts(counts), mass: counts.mass },
          };
        }),
      };
    },
  };
}

function meanOf(batches: readonly ActivationBatch[], width: number): Float64Array {
  const mean = new Float64Array(width);
  let rows = 0;
  for (const batch of batches) {
    const x = batch.target ?? batch.values;
    rows += batch.rows;
    for (let i = 0; i < batch.rows * width; i++) mean[i % width] = (mean[i % width] as number) + (x[i] as number);
  }
  return mean.map((s) => s / rows);
}

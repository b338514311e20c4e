import type { Edit, LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Accumulator } from '../accumulator.js';
import type { BootstrapOptions, DocumentBootstrap } from '../documents/document-bootstrap.js';
import { BOOTSTRAP_DEFAULTS, documentBootstrap } from '../documents/document-bootstrap.js';
import type { DocumentSums } from '../documents/document-sums.js';
import { documentSums } from '../documents/document-sums.js';
import { documentUnits } from '../documents/document-units.js';
import type { Sampled } from '../documents/estimate.js';
import type { NamedSae } from '../reconstruction/named-sae.js';
import { ceClean, ceMean, ceSpliced, ceZero, deltaCe } from './delta-ce.js';
import { editedPositions } from './edited-positions.js';
import { kl, klRecoveredMean, klRecoveredZero } from './kl.js';
import type { LossMetric, LossMoments } from './loss-moments.js';
import { lossRecoveredMean, lossRecoveredZero } from './loss-recovered.js';
import { meanActivation } from './mean-activation.js';
import { spliceEdit } from './splice-edit.js';

export const lossMetrics: readonly LossMetric[] = [
  deltaCe,
  kl,
  lossRecoveredZero,
  lossRecoveredMean,
  klRecoveredZero,
  klRecoveredMean,
  ceClean,
  ceSpliced,
  ceZero,
  ceMean,
];

export interface LossOptions extends BootstrapOptions {
  /**
   * Special tokens (BOS, EOS ...): `exclude` (default) leaves their activations untouched and their predictions out of the
   * averages; `include` replaces and counts them like any other token.
   */
  readonly specials?: 'exclude' | 'include';
  readonly metrics?: readonly LossMetric[];
}

export interface LossTask {
  readonly model: LanguageModel;
  /** A hook whose width is the SAEs' input and output width. */
  readonly hook: string;
  readonly saes: readonly NamedSae[];
  /** [width] the vector of the mean ablation. */
  readonly mean: Float32Array;
}

export interface LossRequest extends LossOptions, Omit<LossTask, 'mean'> {
  readonly tokens: readonly TokenBatch[];
  /** Default: the mean over the edited positions of all `tokens`, found in a pass of its own. */
  readonly mean?: Float32Array;
}

export interface SaeLoss {
  readonly sae: string;
  readonly metrics: Readonly<Record<string, Sampled>>;
}

export interface LossEvaluation {
  readonly positions: number;
  readonly documents: number;
  readonly saes: readonly SaeLoss[];
}

/** What splicing each SAE's reconstruction into the model costs, with bootstrap intervals over documents. */
export function evaluateLoss(request: LossRequest): LossEvaluation {
  const mean = request.mean ?? meanActivation(request);
  const accumulator = lossAccumulator({ ...request, mean }, request);
  for (const batch of request.tokens) accumulator.add(batch);
  return accumulator.value();
}

const SHARED = { positions: 0, clean: 1, zero: 2, mean: 3, klZero: 4, klMean: 5, columns: 6 } as const;
const SPLICED = { ce: 0, kl: 1, columns: 2 } as const;

/** Streaming form; every batch runs the clean model, the two ablations and each SAE in one `scoreEdits` call. */
export function lossAccumulator(task: LossTask, options: LossOptions = {}): Accumulator<TokenBatch, LossEvaluation> {
  const metrics = options.metrics ?? lossMetrics;
  const width = task.model.hookWidth(task.hook);
  for (const { name, sae } of task.saes) {
    if (sae.width === width && sae.outWidth === width) continue;
    throw new SalmonError('unsupported', {
      what: 'A reconstruction of another width cannot be spliced into the hook',
      where: `${name} at ${task.hook}`,
      expected: `${width} in and out`,
      got: `${sae.width} in, ${sae.outWidth} out`,
      todo: 'Measure the loss of SAEs at the hook that they reconstruct',
    });
  }
  const units = documentUnits(options.units ?? BOOTSTRAP_DEFAULTS.units);
  const shared = documentSums(units, SHARED.columns);
  const spliced = task.saes.map(() => documentSums(units, SPLICED.columns));

  return {
    add: (batch) => {
      const where = editedPositions(batch, options.specials ?? 'exclude');
      const at = { hook: task.hook, where };
      const variants: readonly (readonly Edit[])[] = [
        [{ ...at, kind: 'zero' }],
        [{ ...at, kind: 'mean', vector: task.mean }],
        ...task.saes.map(({ sae }) => [spliceEdit(sae, at)]),
      ];
      const scores = task.model.scoreEdits(batch, variants);
      const counted = countedDocuments(batch, scores.counted, where);
      const unitOf = units.locate(batch.docs, counted);
      shared.reserve();
      for (const sums of spliced) sums.reserve();
      const [zero, mean, ...reconstructed] = scores.variants;
      if (zero === undefined || mean === undefined || reconstructed.length !== spliced.length) {
        throw new SalmonError('engine', {
          what: 'The language model did not score every variant',
          expected: `${variants.length}`,
          got: `${scores.variants.length}`,
        });
      }
      unitOf.forEach((unit, i) => {
        if (unit < 0) return;
        bump(shared, unit, SHARED.positions, 1);
        bump(shared, unit, SHARED.clean, scores.clean[i] as number);
        bump(shared, unit, SHARED.zero, zero.crossEntropy[i] as number);
        bump(shared, unit, SHARED.mean, mean.crossEntropy[i] as number);
        bump(shared, unit, SHARED.klZero, zero.kl[i] as number);
        bump(shared, unit, SHARED.klMean, mean.kl[i] as number);
        spliced.forEach((sums, s) => {
          const variant = reconstructed[s] as (typeof reconstructed)[number];
          bump(sums, unit, SPLICED.ce, variant.crossEntropy[i] as number);
          bump(sums, unit, SPLICED.kl, variant.kl[i] as number);
        });
      });
    },
    value: () => {
      const total = shared.total();
      if (!((total[SHARED.positions] as number) > 0)) {
        throw new SalmonError('no-data', {
          what: 'No position was scored',
          expected: 'at least one non-special token that is followed by another token',
          got: 'none',
        });
      }
      const bootstrap = documentBootstrap(units, options);
      const drawn = bootstrap.resample(shared, SHARED.columns);
      return {
        positions: total[SHARED.positions] as number,
        documents: units.documents,
        saes: task.saes.map(({ name }, s) => {
          const sums = spliced[s] as DocumentSums;
          const sampled = sampleLoss(metrics, { total, drawn }, { sums, bootstrap });
          return { sae: name, metrics: Object.fromEntries(sampled.map((m) => [m.metric, m])) };
        }),
      };
    },
  };
}

/** [rows * (context − 1)] document of each predicting position that counts, −1 elsewhere. */
function countedDocuments(batch: TokenBatch, counted: Uint8Array, where: Uint8Array): Int32Array {
  const steps = batch.context - 1;
  return Int32Array.from({ length: batch.rows * steps }, (_, i) => {
    const position = Math.floor(i / steps) * batch.context + (i % steps);
    return counted[i] === 0 || where[position] === 0 ? -1 : (batch.doc[position] as number);
  });
}

interface SharedLoss {
  readonly total: Float64Array;
  readonly drawn: Float64Array;
}

function sampleLoss(
  metrics: readonly LossMetric[],
  shared: SharedLoss,
  { sums, bootstrap }: { readonly sums: DocumentSums; readonly bootstrap: DocumentBootstrap },
): readonly Sampled[] {
  const drawn = bootstrap.resample(sums, SPLICED.columns);
  const point = momentsOf(shared.total, 0, sums.total(), 0);
  const replicates = Array.from({ length: bootstrap.replicates }, (_, r) =>
    momentsOf(shared.drawn, r * SHARED.columns, drawn, r * SPLICED.columns),
  );
  return metrics.map((metric) => ({
    metric: metric.id,
    value: metric.of(point),
    samples: Float64Array.from(replicates, metric.of),
    key: bootstrap.key,
  }));
}

function momentsOf(shared: Float64Array, a: number, spliced: Float64Array, b: number): LossMoments {
  return {
    positions: shared[a + SHARED.positions] as number,
    clean: shared[a + SHARED.clean] as number,
    zero: shared[a + SHARED.zero] as number,
    mean: shared[a + SHARED.mean] as number,
    klZero: shared[a + SHARED.klZero] as number,
    klMean: shared[a + SHARED.klMean] as number,
    spliced: spliced[b + SPLICED.ce] as number,
    klSpliced: spliced[b + SPLICED.kl] as number,
  };
}

function bump(sums: DocumentSums, unit: number, column: number, by: number): void {
  const at = unit * sums.columns + column;
  sums.data[at] = (sums.data[at] as number) + by;
}

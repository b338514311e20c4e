import type { ActivationBatch } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { ObservableInput } from 'rxjs';
import { from, lastValueFrom, tap } from 'rxjs';
import type { BootstrapOptions } from '../documents/document-bootstrap.js';
import { BOOTSTRAP_DEFAULTS } from '../documents/document-bootstrap.js';
import type { Sampled } from '../documents/estimate.js';
import { checkBatch } from '../reconstruction/check-batch.js';
import type { NamedSae } from '../reconstruction/named-sae.js';
import type { ErrorFit, FitOptions, LinearError } from './fit.js';
import { errorFitter } from './fit.js';
import { darkMatterMetrics } from './metrics.js';
import { errorScorer } from './score.js';
import { selectRows } from './selected-rows.js';
import type { DarkMatterSplit } from './split.js';
import { assignRows } from './split.js';

export interface DarkMatterOptions extends BootstrapOptions, Partial<FitOptions> {
  readonly split?: DarkMatterSplit;
  /** Rows at earlier positions of their context are left out (default 0; 200 in Engels et al., 20 in Salmon). */
  readonly minPosition?: number;
}

export interface DarkMatterRequest extends DarkMatterOptions {
  readonly saes: readonly NamedSae[];
  /** Opens the activations from the start; called twice (fit, then score) and must give the same rows both times. */
  readonly open: () => ObservableInput<ActivationBatch>;
}

export interface SaeDarkMatter {
  readonly sae: string;
  readonly metrics: Readonly<Record<string, Sampled>>;
  /** `dark_r2_vector_mean@1` on the rows it was fitted to: far above the held-out value means too few tokens. */
  readonly trainR2: number;
  readonly linear: LinearError;
}

export interface DarkMatterEvaluation {
  readonly trainTokens: number;
  readonly testTokens: number;
  readonly documents: number;
  readonly engine: 'float64' | 'float32';
  readonly ridge: number;
  readonly saes: readonly SaeDarkMatter[];
  readonly fit: ErrorFit;
}

export const DARK_MATTER_DEFAULTS: Required<Omit<DarkMatterOptions, keyof BootstrapOptions>> = {
  split: { kind: 'token-hash', train: 0.6, seed: 0 },
  minPosition: 0,
  ridge: 1e-8,
  intercept: true,
  engine: 'auto',
};

/**
 * How much of each SAE's error a linear map of the activation predicts (arXiv 2410.14670). Two passes: normal equations on the
 * training tokens, then scores with bootstrap intervals over documents on the rest.
 */
export async function darkMatter(request: DarkMatterRequest): Promise<DarkMatterEvaluation> {
  const options = { ...DARK_MATTER_DEFAULTS, ...request };
  const first = request.saes[0];
  if (first === undefined) {
    throw new SalmonError('usage', { what: 'No SAE to evaluate', expected: 'at least one', got: 'an empty list' });
  }
  const { width, outWidth } = first.sae;
  const pass = async (use: (batch: ActivationBatch, chosen: Uint8Array) => void): Promise<void> => {
    let rowsBefore = 0;
    const visit = tap((batch: ActivationBatch) => {
      checkBatch(batch, request.saes, outWidth);
      const chosen = assignRows(batch, options.split, { rowsBefore, minPosition: options.minPosition });
      for (const c of chosen) if (c !== 0) rowsBefore++;
      use(batch, chosen);
    });
    await lastValueFrom(from(request.open()).pipe(visit), { defaultValue: undefined });
  };

  const fitter = errorFitter(request.saes, width, options);
  await pass((batch, chosen) => fitter.add(selectRows(batch, chosen, 1)));
  const fit = fitter.fit();
  const scorer = errorScorer(request.saes, fit, { ...request, units: request.units ?? BOOTSTRAP_DEFAULTS.units });
  await pass((batch, chosen) => scorer.add(selectRows(batch, chosen, 2), batch.origin.docs));
  const scored = scorer.value(darkMatterMetrics);
  if (scored.tokens === 0) {
    throw new SalmonError('no-data', {
      what: 'No token was left to score the linear error on',
      expected: 'a split that leaves test tokens',
      got: `${fit.rows} training tokens and none to test`,
    });
  }
  return {
    trainTokens: fit.rows,
    testTokens: scored.tokens,
    documents: scored.documents,
    engine: fit.engine.name,
    ridge: options.ridge,
    fit,
    saes: request.saes.map(({ name }, s) => {
      const linear = fit.errors[s] as LinearError;
      const metrics = Object.fromEntries((scored.saes[s] ?? []).map((m) => [m.metric, m]));
      return { sae: name, metrics, trainR2: linear.trainR2, linear };
    }),
  };
}

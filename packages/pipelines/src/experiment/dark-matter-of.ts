import { harvest } from '@salmon-sae/activations';
import type { TokenBatch } from '@salmon-sae/dataflow';
import { darkMatter } from '@salmon-sae/metrics';
import type { NamedSae, Sampled } from '@salmon-sae/metrics';
import type { Sae } from '@salmon-sae/sae-core';
import { from, tap } from 'rxjs';
import type { CorpusConfig } from './config.js';
import { checkpointHere } from './session.js';
import type { Session } from './session.js';

/**
 * The linear and nonlinear part of each SAE's error (arXiv 2410.14670; protocol of arXiv 2508.09363 with tokens shuffled
 * before the 60/40 split). Ridge of 1e-4 of the mean variance, because small runs have few tokens for each dimension.
 */
export async function darkMatterOf(
  session: Session,
  task: { readonly corpus: CorpusConfig; readonly rows: readonly TokenBatch[]; readonly saes: readonly NamedSae<Sae>[] },
): Promise<ReadonlyMap<string, Readonly<Record<string, Sampled>>>> {
  const { config } = session;
  let pass = 0;
  const result = await darkMatter({
    saes: task.saes,
    open: () => {
      const note = ++pass === 1 ? 'linear error, fit' : 'linear error, score';
      let done = 0;
      return from(task.rows).pipe(
        harvest(session.model, { hook: config.model.hook, specials: 'exclude' }),
        tap((batch) => {
          checkpointHere(session);
          done += batch.rows;
          session.listener({ kind: 'progress', stage: `evaluate ${task.corpus.name}`, done, total: config.tokens.eval, unit: 'tokens', note });
        }),
      );
    },
    // Float32 products with float64 sums agree with float64 throughout to 1e-4, a small part of the intervals, at a tenth of the time.
    engine: 'float32',
    ridge: 1e-4,
    replicates: config.bootstrap.samples,
    seed: config.bootstrap.seed,
  });
  return new Map(result.saes.map(({ sae, metrics }) => [sae, metrics]));
}

import { harvest } from '@salmon-sae/activations';
import type { TokenBatch } from '@salmon-sae/dataflow';
import { darkMatter } from '@salmon-sae/metrics';
import type { NamedSae, Sampled } from '@salmon-sae/metrics';
import type { Sae } from '@salmon-sae/sae-core';
import { from } from 'rxjs';
import type { Session } from './session.js';

/**
 * The linear and nonlinear part of each SAE's error (arXiv 2410.14670; protocol of arXiv 2508.09363 with tokens shuffled
 * before the 60/40 split). Ridge of 1e-4 of the mean variance, because small runs have few tokens for each dimension.
 */
export async function darkMatterOf(
  session: Session,
  task: { readonly rows: readonly TokenBatch[]; readonly saes: readonly NamedSae<Sae>[] },
): Promise<ReadonlyMap<string, Readonly<Record<string, Sampled>>>> {
  const { config } = session;
  const result = await darkMatter({
    saes: task.saes,
    open: () => from(task.rows).pipe(harvest(session.model, { hook: config.model.hook, specials: config.specials })),
    ridge: 1e-4,
    replicates: config.bootstrap.samples,
    seed: config.bootstrap.seed,
  });
  return new Map(result.saes.map(({ sae, metrics }) => [sae, metrics]));
}

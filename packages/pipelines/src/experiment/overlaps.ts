import type { Json } from '@salmon-sae/dataflow';
import { directionsOf, featureOverlap, selectDirections, SHARED_COSINE, uniqueLatents } from '@salmon-sae/metrics';
import type { Directions } from '@salmon-sae/metrics';
import { loadSae } from '@salmon-sae/sae-core';
import type { OverlapRow } from '../report/index.js';
import type { ExperimentConfig } from './config.js';
import type { MeasuredText } from './measured.js';
import type { PlannedSae } from './plan.js';
import type { Session } from './session.js';
import type { TrainedSae } from './train-arms.js';

export interface Overlaps {
  readonly rows: readonly OverlapRow[];
  /** Per domain: live latents of its headline SAE without a counterpart in the broad one, least similar first. */
  readonly domainOnly: readonly { readonly domain: string; readonly sae: string; readonly against: string; readonly of: number; readonly latents: readonly number[] }[];
}

interface Inputs {
  readonly plans: readonly PlannedSae[];
  readonly trained: ReadonlyMap<string, { readonly key: string; readonly trained: TrainedSae }>;
  readonly measured: readonly MeasuredText[];
}

/**
 * Shared latents between the headline SAEs of two arms and, as the yardstick the paper lacks, between two seeds of one arm
 * (Hungarian matching, encoder and decoder cosine both at least 0.7). Latents that never fired on any held-out text are left out.
 */
export async function measuredOverlaps(session: Session, inputs: Inputs): Promise<Overlaps> {
  const { config, run } = session;
  const pairs = pairsOf(config, inputs.plans);
  const keys = pairs.flatMap(({ first, second }) => [first, second]).map((plan) => inputs.trained.get(plan.name)?.key ?? '');
  const stage = await run.stage('overlap', { keys, names: pairs.map(({ first, second }) => [first.name, second.name]) } as unknown as Json, async () => {
    const known = new Map<string, { readonly directions: Directions; readonly live: readonly number[] }>();
    const open = async (plan: PlannedSae): Promise<{ readonly directions: Directions; readonly live: readonly number[] }> => {
      const held = known.get(plan.name);
      if (held !== undefined) return held;
      const trained = inputs.trained.get(plan.name);
      const live = liveLatents(inputs.measured, plan.name);
      const directions = selectDirections(directionsOf(await loadSae(run.file(trained?.trained.path ?? ''))), live);
      const opened = { directions, live };
      known.set(plan.name, opened);
      return opened;
    };
    const rows: OverlapRow[] = [];
    const domainOnly: Overlaps['domainOnly'][number][] = [];
    for (const [index, { first, second, relation }] of pairs.entries()) {
      const [a, b] = [await open(first), await open(second)];
      if (a.directions.latents === 0 || b.directions.latents === 0) continue;
      const overlap = featureOverlap(a.directions, b.directions);
      const meanCosine = overlap.pairs.reduce((sum, pair) => sum + pair.decoder, 0) / Math.max(1, overlap.pairs.length);
      rows.push({ first: first.name, second: second.name, relation, shared: overlap.shared, of: overlap.pairs.length, threshold: SHARED_COSINE, meanCosine });
      if (first.arm === 'domain' && second.arm === 'broad') {
        const unique = uniqueLatents(a.directions, b.directions).unique.map(({ latent }) => a.live[latent] ?? -1);
        domainOnly.push({ domain: first.text, sae: first.name, against: second.name, of: a.live.length, latents: unique });
      }
      session.listener({ kind: 'progress', stage: 'overlap', done: index + 1, total: pairs.length, unit: 'pairs' });
    }
    return { rows, domainOnly } as unknown as Json;
  });
  return stage.result as unknown as Overlaps;
}

interface Pair {
  readonly first: PlannedSae;
  readonly second: PlannedSae;
  readonly relation: string;
}

function pairsOf(config: ExperimentConfig, plans: readonly PlannedSae[]): readonly Pair[] {
  const [s1, s2] = config.grid.seeds;
  const find = (arm: string, text: string, seed: number | undefined): PlannedSae | undefined =>
    plans.find((plan) => plan.headline && plan.arm === arm && plan.text === text && plan.seed === seed);
  const pair = (first: PlannedSae | undefined, second: PlannedSae | undefined, relation: string): readonly Pair[] =>
    first === undefined || second === undefined ? [] : [{ first, second, relation }];
  const broad = find('broad', config.broad.name, s1);
  return [
    ...config.domains.flatMap(({ name }) => [
      ...pair(find('domain', name, s1), broad, 'domain against broad'),
      ...pair(find('domain', name, s1), find('domain', name, s2), 'two seeds of the domain arm'),
    ]),
    ...pair(broad, find('broad', config.broad.name, s2), 'two seeds of the broad arm'),
  ];
}

/** Latents of an SAE that fired on some held-out text. */
export function liveLatents(measured: readonly MeasuredText[], sae: string): readonly number[] {
  const counts = measured.flatMap((text) => text.saes.filter((each) => each.sae === sae).map(({ active }) => active));
  const latents = counts[0]?.length ?? 0;
  return Array.from({ length: latents }, (_, latent) => latent).filter((latent) => counts.some((active) => (active[latent] ?? 0) > 0));
}

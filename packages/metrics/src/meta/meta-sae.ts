import type { ActivationBatch, SaeState } from '@salmon-sae/dataflow';
import { fromPull, random, SalmonError } from '@salmon-sae/dataflow';
import type { DoneEvent, TrainEvent } from '@salmon-sae/sae-core';
import { openSae, topK, train } from '@salmon-sae/sae-core';
import { filter, lastValueFrom } from 'rxjs';
import type { BootstrapOptions } from '../documents/document-bootstrap.js';
import type { Sampled } from '../documents/estimate.js';
import type { Directions } from '../geometry/directions.js';
import { fvePooled } from '../reconstruction/fve-pooled.js';
import { evaluateReconstruction } from '../reconstruction/evaluate-reconstruction.js';

export interface MetaSaeOptions extends BootstrapOptions {
  /** Latents of the meta-SAE (default a quarter of the SAE's). */
  readonly latents?: number;
  /** Meta-latents per decoder row (default 4). */
  readonly k?: number;
  readonly steps?: number;
  readonly batch?: number;
  readonly learningRate?: number;
}

export interface MetaSae {
  /** `meta_fve@1`: `fve_pooled@1` of the decoder rows under the meta-SAE, resampled over latents. */
  readonly fve: Sampled;
  readonly state: SaeState;
}

/**
 * `meta_fve@1` (meta-SAE, SAEBench's extra evaluation, arXiv 2503.09532): a TopK SAE with k = 4 and a quarter of the latents is trained
 * on the unit decoder rows. A high value says that latents are compositions of fewer, shared directions. Trained and scored on
 * the same rows: it describes the dictionary, it does not generalise from it. Needs `await useBackend()`.
 */
export async function metaSae(directions: Directions, options: MetaSaeOptions = {}): Promise<MetaSae> {
  const live = liveRows(directions);
  const latents = options.latents ?? Math.max(1, Math.floor(live.rows / 4));
  const k = options.k ?? 4;
  if (live.rows < 8 || k > latents) {
    throw new SalmonError('no-data', {
      what: 'Too few latents for a meta-SAE',
      expected: `at least ${Math.max(8, 4 * k)} non-zero decoder rows`,
      got: `${live.rows}`,
    });
  }
  const steps = options.steps ?? 2000;
  const size = Math.min(options.batch ?? 1024, live.rows);
  const draw = random(options.seed ?? 0, 'meta-sae');
  const order = Array.from({ length: live.rows }, (_, i) => i);
  let at = live.rows;
  const next = (): ActivationBatch => {
    const chosen = Array.from({ length: size }, () => {
      if (at === live.rows) {
        draw.shuffle(order);
        at = 0;
      }
      return order[at++] as number;
    });
    return rowsBatch(live, chosen);
  };
  const training = { steps, batch: size, learningRate: options.learningRate ?? 1e-3, seed: options.seed ?? 0, deadAfter: 50 * size };
  const done = await lastValueFrom(
    // Pulled, so that the event loop has turns between steps.
    fromPull(() => batchesOf(steps, next)).pipe(
      train([{ id: 'meta', sae: topK({ latents, k }) }], { training }),
      filter((event: TrainEvent): event is DoneEvent => event.kind === 'done'),
    ),
  );
  const sae = openSae(done.state);
  try {
    const all = rowsBatch(live, Array.from({ length: live.rows }, (_, i) => i));
    const { saes } = await evaluateReconstruction({ ...options, saes: [{ name: 'meta', sae }], batches: [all], metrics: [fvePooled], shares: [] });
    const fve = saes[0]?.metrics[fvePooled.id] as Sampled;
    return { fve: { ...fve, metric: 'meta_fve@1' }, state: done.state };
  } finally {
    sae.dispose();
  }
}

function* batchesOf(steps: number, next: () => ActivationBatch): Generator<ActivationBatch> {
  for (let step = 0; step < steps; step++) yield next();
}

interface LiveRows {
  readonly rows: number;
  readonly width: number;
  readonly data: Float32Array;
}

function liveRows({ latents, decoderWidth: width, decoder }: Directions): LiveRows {
  const live = Array.from({ length: latents }, (_, f) => f).filter((f) => decoder.subarray(f * width, (f + 1) * width).some((v) => v !== 0));
  const data = new Float32Array(live.length * width);
  live.forEach((f, i) => data.set(decoder.subarray(f * width, (f + 1) * width), i * width));
  return { rows: live.length, width, data };
}

function rowsBatch({ width, data }: LiveRows, chosen: readonly number[]): ActivationBatch {
  const values = new Float32Array(chosen.length * width);
  chosen.forEach((f, i) => values.set(data.subarray(f * width, (f + 1) * width), i * width));
  const index = Int32Array.from(chosen.keys());
  return {
    site: { model: 'decoder rows', hook: 'W_dec', width },
    rows: chosen.length,
    values,
    origin: { tokenId: new Int32Array(chosen.length), position: index, doc: index, docs: chosen.map((f) => `latent-${f}`), domains: chosen.map(() => 'decoder') },
    cursor: { source: 'decoder rows', shard: 0, row: 0 },
  };
}

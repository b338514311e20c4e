import { basename, join } from 'node:path';
import { dashboardFeature, exportNeuronpedia, nearestLatents, readFeatureCards, writeDelphiCache } from '@salmon-sae/autointerp';
import type { DashboardBatch, DashboardExtras, ExampleBook } from '@salmon-sae/autointerp';
import type { FeatureCard } from '@salmon-sae/dataflow';
import { SalmonError, writeDirectoryAtomic, writeFileAtomic } from '@salmon-sae/dataflow';
import type { Sae } from '@salmon-sae/sae-core';
import type { InterpretTask } from './interpret-saes.js';
import { latentCacheOf } from './latent-cache-of.js';

export const EXPORTS = ['neuronpedia', 'dashboard', 'delphi'] as const;
export type ExportFormat = (typeof EXPORTS)[number];

export interface ExportOptions {
  readonly book: ExampleBook;
  /** The cards to export. */
  readonly parquet: string;
  /** What the text is called in the files. */
  readonly dataset: string;
  /** ISO date of the records. */
  readonly createdAt: string;
  readonly signal?: AbortSignal;
}

/** Writes each SAE in other tools' formats under `<folder>/<format>`; returns the paths. Throws `cancelled`, `unsupported`. */
export async function writeExports(folder: string, task: InterpretTask, by: ExportOptions & { readonly formats: readonly ExportFormat[] }): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const format of by.formats) {
    const root = join(folder, format);
    for (const { name, sae } of task.saes) {
      const id = folderName(name);
      if (format === 'delphi') {
        const path = join(root, id, task.hook);
        const text = { ...task, ...(by.signal === undefined ? {} : { signal: by.signal }) };
        const cache = await latentCacheOf({ name, latents: sae.latents, encode: (x, rows) => sae.encode(x, rows) }, text, task.model.tokenizer);
        await writeDelphiCache(path, cache, { modelName: task.model.info.id, dataset: by.dataset });
        paths.push(path);
        continue;
      }
      const extras = extrasOf({ name, sae }, task, by);
      const { layer, site } = placeOf(task.hook, task.model.info.layers);
      const modelId = folderName(basename(task.model.info.id));
      if (format === 'dashboard') {
        const path = join(root, id);
        const silent = Array.from({ length: sae.latents }, (_, latent) => latent).filter((latent) => by.book.statistics(name).active[latent] === 0);
        await writeDashboard(path, cardsOf(name, by.parquet), { head: { model_id: modelId, layer, sae_set: id, sae_id_suffix: null }, silent, extras });
        paths.push(path);
        continue;
      }
      const { layers, width } = task.model.info;
      const target = { modelId, layers, width, layer, hook: site, sourceSet: id, release: id, creator: 'salmon', createdAt: by.createdAt };
      paths.push(await exportNeuronpedia(root, cardsOf(name, by.parquet), { target, extras: withSimilar(sae, extras) }));
    }
  }
  return paths;
}

async function* cardsOf(sae: string, parquet: string): AsyncGenerator<FeatureCard> {
  for await (const card of readFeatureCards(parquet)) if (card.sae === sae) yield card;
}

function extrasOf({ name, sae }: InterpretTask['saes'][number], task: InterpretTask, by: ExportOptions): (card: FeatureCard) => DashboardExtras {
  const decoder = sae.state.weights['W_dec'];
  const width = decoder?.shape[1] ?? 0;
  const prompts = task.rows.reduce((sum, { rows }) => sum + rows, 0);
  const tokensInPrompt = task.rows.reduce((longest, { context }) => Math.max(longest, context), 0);
  return ({ latent }) => ({
    bars: by.book.statistics(name).bars(latent),
    ...(decoder === undefined ? {} : { vector: decoder.data.subarray(latent * width, (latent + 1) * width) }),
    prompts,
    tokensInPrompt,
    dataset: by.dataset,
  });
}

/** Nearest decoder rows that a Neuronpedia record names. */
const SIMILAR = 10;

/** With the nearest latents of the same SAE, the latent itself left out. */
function withSimilar(sae: Sae, extras: (card: FeatureCard) => DashboardExtras): (card: FeatureCard) => DashboardExtras {
  const decoder = sae.state.weights['W_dec'];
  if (decoder === undefined) return extras;
  const near = nearestLatents(decoder, decoder, { k: SIMILAR + 1 });
  return (card) => ({ ...extras(card), similar: (near[card.latent] ?? []).filter(({ latent }) => latent !== card.latent).slice(0, SIMILAR) });
}

/** Features in one `batch-<n>.json`. */
const BATCH = 128;

/** SAEDashboard's folder: batches of features, and the latents that never fired. Appears whole or not at all. */
function writeDashboard(
  path: string,
  cards: AsyncIterable<FeatureCard>,
  by: { readonly head: Omit<DashboardBatch, 'features'>; readonly silent: readonly number[]; readonly extras: (card: FeatureCard) => DashboardExtras },
): Promise<void> {
  const { model_id, layer, sae_set } = by.head;
  return writeDirectoryAtomic(path, async (inside) => {
    let features: DashboardBatch['features'][number][] = [];
    let batch = 0;
    const flush = async (): Promise<void> => {
      const content: DashboardBatch = { ...by.head, features };
      await writeFileAtomic(join(inside, `batch-${batch++}.json`), JSON.stringify(content));
      features = [];
    };
    for await (const card of cards) {
      features.push(dashboardFeature(card, by.extras(card)));
      if (features.length === BATCH) await flush();
    }
    if (features.length > 0 || batch === 0) await flush();
    await writeFileAtomic(join(inside, 'skipped_indexes.json'), JSON.stringify({ model_id, layer: String(layer), sae_set, log_sparsity: null, skipped_indexes: by.silent }));
  });
}

/** Layer and name of the hook as TransformerLens has them. */
function placeOf(hook: string, layers: number): { readonly layer: number; readonly site: string } {
  if (hook === 'embed') return { layer: 0, site: 'hook_resid_pre' };
  const match = /^(\w+)\.(\d+)$/.exec(hook);
  const layer = Number(match?.[2]);
  if (match?.[1] === undefined || layer >= layers) throw new SalmonError('unsupported', { what: 'The export needs a hook with a layer', expected: 'such as resid_post.4', got: hook });
  return { layer, site: `hook_${match[1]}` };
}

/** A name that is safe in every file system and in import files. */
function folderName(name: string): string {
  const safe = name.replace(/[^\w.-]+/g, '-').replace(/^[.-]+|-+$/g, '');
  return safe === '' ? 'sae' : safe;
}

import { basename, join } from 'node:path';
import { dashboardFeature, exportNeuronpedia, readFeatureCards, writeDelphiCache } from '@salmon-sae/autointerp';
import type { DashboardExtras, ExampleBook } from '@salmon-sae/autointerp';
import type { FeatureCard } from '@salmon-sae/dataflow';
import { SalmonError, writeFileAtomic } from '@salmon-sae/dataflow';
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
      const extras = extrasOf(name, task, by);
      const { layer, site } = placeOf(task.hook, task.model.info.layers);
      const modelId = folderName(basename(task.model.info.id));
      if (format === 'dashboard') {
        const path = join(root, `${id}.json`);
        await writeFileAtomic(path, dashboardText({ model_id: modelId, layer, sae_set: id, sae_id_suffix: null }, cardsOf(name, by.parquet), extras));
        paths.push(path);
        continue;
      }
      const target = { modelId, layers: task.model.info.layers, layer, hook: site, sourceSet: id, release: id, creator: 'salmon', createdAt: by.createdAt };
      paths.push(await exportNeuronpedia(root, cardsOf(name, by.parquet), { target, extras }));
    }
  }
  return paths;
}

async function* cardsOf(sae: string, parquet: string): AsyncGenerator<FeatureCard> {
  for await (const card of readFeatureCards(parquet)) if (card.sae === sae) yield card;
}

function extrasOf(name: string, task: InterpretTask, by: ExportOptions): (card: FeatureCard) => DashboardExtras {
  const decoder = task.saes.find((one) => one.name === name)?.sae.state.weights['W_dec'];
  const width = decoder?.shape[1] ?? 0;
  const prompts = task.rows.reduce((sum, { rows }) => sum + rows, 0);
  const tokensInPrompt = task.rows.reduce((longest, { context }) => Math.max(longest, context), 0);
  return ({ latent }) => ({
    histogram: by.book.histogram(name, latent),
    ...(decoder === undefined ? {} : { vector: decoder.data.subarray(latent * width, (latent + 1) * width) }),
    prompts,
    tokensInPrompt,
    dataset: by.dataset,
  });
}

/** One JSON object, written feature by feature. */
async function* dashboardText(head: object, cards: AsyncIterable<FeatureCard>, extras: (card: FeatureCard) => DashboardExtras): AsyncGenerator<string> {
  yield `${JSON.stringify(head).slice(0, -1)},"features":[`;
  let first = true;
  for await (const card of cards) {
    yield `${first ? '' : ','}\n${JSON.stringify(dashboardFeature(card, extras(card)))}`;
    first = false;
  }
  yield '\n]}\n';
}

function placeOf(hook: string, layers: number): { readonly layer: number; readonly site: string } {
  if (hook === 'embed') return { layer: 0, site: 'embed' };
  const match = /^(\w+)\.(\d+)$/.exec(hook);
  const layer = Number(match?.[2]);
  if (match?.[1] === undefined || layer >= layers) throw new SalmonError('unsupported', { what: 'The export needs a hook with a layer', expected: 'such as resid_post.4', got: hook });
  return { layer, site: match[1] };
}

/** A name that is safe in every file system and in import files. */
function folderName(name: string): string {
  const safe = name.replace(/[^\w.-]+/g, '-').replace(/^[.-]+|-+$/g, '');
  return safe === '' ? 'sae' : safe;
}

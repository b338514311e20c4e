import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { FeatureCard } from '@salmon-sae/dataflow';
import { double, int32, optional, text as parquetText, writeParquet } from '@salmon-sae/dataflow/parquet';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BOS, LATENTS, planted } from '../../test/planted-corpus.js';
import type { CodedBatch } from '../examples/collect-examples.js';
import { ExampleCollector } from '../examples/example-collector.js';
import { cachedBatches } from './cached-batches.js';
import { cardCsv } from './card-csv.js';
import { readFeatureCards, writeFeatureCards } from './card-parquet.js';
import { dashboardFeature } from './dashboard.js';
import { readDelphiCache, writeDelphiCache } from './delphi-cache.js';
import type { LatentCache } from './delphi-cache.js';
import { exportNeuronpedia } from './neuronpedia.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'salmon-formats-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const card = (latent: number, more: Partial<FeatureCard> = {}): FeatureCard => ({
  sae: 'medical',
  latent,
  density: 0.0125,
  maxActivation: 7.5,
  contexts: [
    { doc: 'd1', domain: 'medical', tokens: [' a', ' fever', '<script>'], activations: [0, 7.5, 0.25], peak: 7.5, quantile: -1 },
    { doc: 'd2', domain: 'medical', tokens: [' fever'], activations: [3], peak: 3, quantile: 0, pool: 'scorer' },
    { doc: 'd3', domain: 'medical', tokens: [' x', ' fever'], activations: [0, 1], peak: 1, quantile: 1 },
  ],
  promoted: [{ token: ' hot', value: 1.5 }],
  suppressed: [{ token: ' "cold",\n', value: -2 }],
  neighbours: [{ sae: 'broad', latent: 3, cosine: 0.75 }],
  ...more,
});
const explained = card(4, {
  explanation: { text: '=HYPERLINK("x")', method: 'lexical', scores: [{ scorer: 'detection', metric: 'balancedAccuracy', value: 0.9, low: 0.8, high: 0.95, n: 80, control: 0.5, controlLow: 0.4, controlHigh: 0.6 }] },
  histogram: { edges: [0, 0.5, 8], counts: [3, 7] },
  domainShare: { medical: 0.75, broad: 0.25 },
  denseClass: 'position',
});

describe('feature cards in Parquet', () => {
  it('come back as they went in, in order', async () => {
    const path = join(folder, 'cards.parquet');
    const cards = [card(1), explained, card(5, { denseClass: null }), ...Array.from({ length: 600 }, (_, i) => card(i + 10))];
    expect(await writeFeatureCards(path, cards)).toBe(603);
    const back: FeatureCard[] = [];
    for await (const one of readFeatureCards(path)) back.push(one);
    expect(back).toEqual(cards);
  });

  it('are read from files of version 1, and refused from newer ones', async () => {
    const old = join(folder, 'old.parquet');
    const { contexts, promoted, suppressed, neighbours, ...plain } = card(1);
    const lists = { contexts: JSON.stringify(contexts.map(({ pool: _, ...context }) => context)), promoted: JSON.stringify(promoted), suppressed: JSON.stringify(suppressed), neighbours: JSON.stringify(neighbours) };
    const first = { sae: parquetText, latent: int32, density: double, max_activation: double, dense_class: optional(parquetText), explanation: optional(parquetText), method: optional(parquetText), scores: optional(parquetText), contexts: parquetText, promoted: parquetText, suppressed: parquetText, neighbours: parquetText };
    const { sae, latent, density, maxActivation: max_activation } = plain;
    await writeParquet(old, first, [{ sae, latent, density, max_activation, dense_class: 'position', explanation: null, method: null, scores: null, ...lists }]);
    const back: FeatureCard[] = [];
    for await (const one of readFeatureCards(old)) back.push(one);
    expect(back).toEqual([{ ...card(1), contexts: JSON.parse(lists.contexts), denseClass: 'position' }]);
    const newer = join(folder, 'newer.parquet');
    await writeParquet(newer, { sae: parquetText }, [{ sae: 'x' }], { metadata: { 'salmon.feature_cards': '3' } });
    await expect(readFeatureCards(newer).next()).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('cardCsv', () => {
  it('quotes, keeps one line per card and defuses formulas', () => {
    const text = [...cardCsv([card(1), explained])].join('');
    const lines = text.split('\r\n');
    expect(lines[0]?.split(',')).toHaveLength(15);
    expect(text).toContain(`"'=HYPERLINK(""x"")"`);
    expect(text).toContain('0.9,0.5,');
    expect(text).toContain('" ""cold"",\n"');
    expect(text).toContain('broad/3 0.750,medical 0.750 | broad 0.250\r\n');
  });
});

describe('delphi latent cache', () => {
  const [{ tokens, coded }] = planted({ batches: 1, rows: 6, context: 20 }) as [CodedBatch];
  const sparse = coded['planted'] as CodedBatch['coded'][string];
  const cache: LatentCache = (() => {
    const indptr = new Int32Array(tokens.rows * tokens.context + 1);
    sparse.positions.forEach((at, row) => (indptr[at + 1] = (sparse.codes.indptr[row + 1] as number) - (sparse.codes.indptr[row] as number)));
    for (let i = 1; i < indptr.length; i++) indptr[i] = (indptr[i] as number) + (indptr[i - 1] as number);
    return { sequences: tokens.rows, context: tokens.context, tokens: tokens.ids, codes: { ...sparse.codes, rows: tokens.ids.length, indptr } };
  })();

  it('has the files, names, dtypes and shapes of the peer', async () => {
    const path = join(folder, 'latents', 'layers.3');
    await writeDelphiCache(path, cache, { splits: 3, modelName: 'minnow' });
    expect((await readdir(path)).sort()).toEqual(['0_1.safetensors', '2_3.safetensors', '4_6.safetensors', 'config.json']);
    expect(JSON.parse(await readFile(join(path, 'config.json'), 'utf8'))).toMatchObject({ model_name: 'minnow', cache_ctx_len: 20, n_splits: 3 });
    const file = await openSafetensors(join(path, '4_6.safetensors'));
    expect(file.info('locations')).toMatchObject({ dtype: 'U16' });
    expect(file.info('activations').dtype).toBe('F16');
    expect(file.info('tokens')).toMatchObject({ dtype: 'I64', shape: [6, 20] });
    expect(file.info('locations').shape[1]).toBe(3);
    await file.close();
  });

  it('reads back what was written, activations to half precision', async () => {
    const back = await readDelphiCache(join(folder, 'latents', 'layers.3'));
    expect(back.modelName).toBe('minnow');
    expect(back.tokens).toEqual(cache.tokens);
    expect(back.codes.indptr).toEqual(cache.codes.indptr);
    expect(back.codes.indices).toEqual(cache.codes.indices);
    back.codes.values.forEach((v, i) => expect(Math.abs(v / (cache.codes.values[i] as number) - 1)).toBeLessThan(2 ** -11));
  });

  it('feeds the collector', async () => {
    const collector = new ExampleCollector([{ name: 'c', latents: LATENTS.count }]);
    for (const batch of cachedBatches(await readDelphiCache(join(folder, 'latents', 'layers.3')), { sae: 'c', specials: new Set([BOS]), rows: 4 })) collector.add(batch.tokens, batch.coded);
    const book = collector.finish();
    expect(book.latent('c', LATENTS.fever).active).toBe(sparse.codes.indices.filter((f) => f === LATENTS.fever).length);
    expect(book.latent('c', LATENTS.fever).tokens).toBe(sparse.codes.rows);
  });

  it('uses uint32 where a number does not fit 16 bits', async () => {
    const path = join(folder, 'wide');
    const indptr = new Int32Array(3);
    indptr.fill(1, 1);
    await writeDelphiCache(path, { sequences: 1, context: 2, tokens: Int32Array.of(5, 6), codes: { rows: 2, latents: 70_000, indptr, indices: Int32Array.of(69_999), values: Float32Array.of(2) } }, { splits: 1 });
    const file = await openSafetensors(join(path, '0_69999.safetensors'));
    expect(file.info('locations').dtype).toBe('U32');
    await file.close();
    expect((await readDelphiCache(path)).codes.indices[0]).toBe(69_999);
  });

  it('says what is wrong with a folder', async () => {
    await expect(readDelphiCache(join(folder, 'nowhere'))).rejects.toThrow(/Cannot read the folder/);
    const path = join(folder, 'gap');
    await writeDelphiCache(path, cache, { splits: 3 });
    await rm(join(path, '2_3.safetensors'));
    await expect(readDelphiCache(path)).rejects.toThrow(/begins at 2/);
    await writeFile(join(path, '2_3.safetensors'), 'short');
    await expect(readDelphiCache(path)).rejects.toThrow(/2_3.safetensors/);
  });
});

describe('SAEDashboard and Neuronpedia', () => {
  const extras = { prompts: 10, tokensInPrompt: 32, dataset: 'glosses', vector: Float32Array.of(1, 2), bars: { step: 0.5, counts: [3, 0, 1] } };

  it('gives the fields of a dashboard feature', () => {
    const feature = dashboardFeature(explained, extras);
    expect(feature).toMatchObject({ feature_index: 4, frac_nonzero: 0.0125, pos_str: [' hot'], neg_values: [-2], vector: [1, 2], n_prompts_total: 10 });
    expect(feature.freq_hist_data_bar_values).toEqual([0.25, 0.75, 1.25]);
    expect(feature.freq_hist_data_bar_heights).toEqual([3, 0, 1]);
    expect(feature.activations.map((a) => [a.bin_min, a.bin_contains, a.qualifying_token_index])).toEqual([[-1, -1, 1], [3, 0.5, 0], [1, 0.5, 1]]);
  });

  it('writes the import folder, the same bytes every time', async () => {
    const target = { modelId: 'minnow', layers: 6, layer: 3, hook: 'hook_resid_post', sourceSet: 'med-res', release: 'salmon', creator: 'me', createdAt: '2026-01-01T00:00:00.000Z', batch: 2 };
    const write = (): Promise<string> => exportNeuronpedia(folder, [card(1), explained, card(9)], { target, extras: () => extras });
    const path = await write();
    expect(path).toBe(join(folder, 'minnow', '3-med-res'));
    expect((await readdir(path)).sort()).toEqual(['activations', 'explanations', 'features', 'model.jsonl', 'release.jsonl', 'source.jsonl', 'sourceset.jsonl']);
    expect((await readdir(join(path, 'features'))).sort()).toEqual(['batch-0.jsonl.gz', 'batch-1.jsonl.gz']);
    const read = async (name: string): Promise<Record<string, unknown>[]> =>
      gunzipSync(await readFile(join(path, name))).toString('utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    const features = await read('features/batch-0.jsonl.gz');
    expect(features[1]).toMatchObject({ modelId: 'minnow', layer: '3-med-res', index: '4', hookName: 'blocks.3.hook_resid_post', maxActApprox: 7.5, vectorDefaultSteerStrength: 7.5, sourceSetName: 'med-res', hasVector: true });
    expect(features[1]).not.toHaveProperty('feature_index');
    // The fields that Neuronpedia's own exporter writes for each record.
    const [release, model, sourceset, source] = await Promise.all(['release', 'model', 'sourceset', 'source'].map(async (name) => JSON.parse(await readFile(join(path, `${name}.jsonl`), 'utf8')) as Record<string, unknown>));
    expect(Object.keys(release ?? {}).sort()).toEqual('createdAt creatorEmail creatorId creatorName creatorNameShort defaultSourceId defaultSourceSetName defaultUmapSourceIds description descriptionShort featured isNewUi name urls visibility'.split(' '));
    expect(Object.keys(model ?? {}).sort()).toEqual('createdAt creatorId defaultSourceId defaultSourceSetName dimension displayName displayNameShort id inferenceEnabled instruct layers neuronsPerLayer owner tlensId updatedAt visibility website'.split(' '));
    expect(Object.keys(sourceset ?? {}).sort()).toEqual('createdAt creatorEmail creatorId creatorName defaultOfModelId defaultRange defaultShowBreaks description hasDashboards modelId name releaseName showCorrelated showDfa showHeadAttribution showUmap type urls visibility'.split(' '));
    expect(Object.keys(source ?? {}).sort()).toEqual('createdAt creatorId dataset defaultOfModelId hasDashboards hasUmap hasUmapClusters hasUmapLogSparsity hfFolderId hfRepoId id inferenceEnabled inferenceHosts modelId notes num_prompts num_tokens_in_prompt saelensConfig saelensRelease saelensSaeId setName visibility'.split(' '));
    expect(Object.keys(features[1] ?? {}).sort()).toEqual('correlated_features_indices correlated_features_l1 correlated_features_pearson correlated_neurons_indices correlated_neurons_l1 correlated_neurons_pearson createdAt creatorId decoder_weights_dist frac_nonzero freq_hist_data_bar_heights freq_hist_data_bar_values hasVector hookName index layer logits_hist_data_bar_heights logits_hist_data_bar_values maxActApprox modelId neg_str neg_values neuron_alignment_indices neuron_alignment_l1 neuron_alignment_values pos_str pos_values sourceSetName topkCosSimIndices topkCosSimValues vector vectorDefaultSteerStrength vectorLabel'.split(' '));
    const activations = await read('activations/batch-0.jsonl.gz');
    expect(activations).toHaveLength(6);
    expect(activations[0]).toMatchObject({ index: '1', maxValue: 7.5, maxValueTokenIndex: 1, minValue: 0, binMin: -1 });
    expect(new Set(activations.map((a) => a['id'])).size).toBe(6);
    for (const { id } of activations) expect(id).toMatch(/^c[0-9a-z]{24}$/);
    expect((await read('explanations/batch-0.jsonl.gz'))[0]).toMatchObject({ description: '=HYPERLINK("x")', index: '4' });
    const before = await readFile(join(path, 'activations/batch-1.jsonl.gz'));
    await write();
    expect(await readFile(join(path, 'activations/batch-1.jsonl.gz'))).toEqual(before);
  });

  it('refuses ids that would leave the folder', async () => {
    const target = { modelId: '../x', layers: 1, layer: 0, hook: 'h', sourceSet: 's', release: 'r', creator: 'c', createdAt: '' };
    await expect(exportNeuronpedia(folder, [], { target, extras: () => extras })).rejects.toThrow(/modelId/);
  });
});

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { loadLanguageModel } from '@salmon-sae/activations';
import { readDelphiCache, readFeatureCards } from '@salmon-sae/autointerp';
import { tf, useBackend } from '@salmon-sae/compute';
import { documents, tokenize, wordnetTaxonomy } from '@salmon-sae/corpus';
import type { Document, FeatureCard, LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import { random, run as runToEnd } from '@salmon-sae/dataflow';
import { openSae, randomState } from '@salmon-sae/sae-core';
import type { Sae } from '@salmon-sae/sae-core';
import { from } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { upTo } from '../experiment/texts.js';
import { sampleActivations, spreadBatches } from './activation-sample.js';
import { cardsOf, collectRandomControls, groupsOf, interpretSaes, openClient, patternGroups, scoresJson, wordnetGroups, writeCards, writeExports } from './index.js';
import type { ClientSettings, InterpretOptions, InterpretTask } from './index.js';

const HOOK = 'embed';
const WORDS = ['fever', 'blood', 'pain', 'heart', 'water', 'house', 'river', 'money', 'music', 'horse', 'bread', 'stone', 'paper', 'garden', 'winter', 'light', 'night', 'road', 'ship', 'school'];
const LATENTS = 8;
const base: Omit<InterpretOptions, 'client'> = { scorers: ['detection', 'fuzzing'], latents: undefined, minExamples: 20, seed: 1, controls: true, examples: { window: 12 } };

describe('interpreting an SAE with known latents', () => {
  let folder = '';
  let model: LanguageModel;
  let sae: Sae;
  let task: InterpretTask;

  beforeAll(async () => {
    await useBackend();
    folder = await mkdtemp(join(tmpdir(), 'salmon-interpret-'));
    model = await loadLanguageModel(join(import.meta.dirname, '../../../../datasets/minnow'));
    const rows = await plantedText(model);
    sae = openSae(wordState(model, rows));
    task = { model, hook: HOOK, rows, saes: [{ name: 'words', sae }] };
  });
  afterAll(async () => {
    sae.dispose();
    model.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  it('explains them offline far above shuffled explanations, and writes cards, tables and exports', async () => {
    const { client } = await openClient({ kind: 'lexical', cache: folder }, {});
    const { scorers } = base;
    const interpretation = await interpretSaes(task, { ...base, client });
    const [one] = interpretation.saes;
    expect(interpretation.stopped).toBeUndefined();
    expect(one).toMatchObject({ live: LATENTS, eligible: LATENTS });
    expect(one?.drawn).toEqual(Array.from({ length: LATENTS }, (_, i) => i));
    expect(one?.scored.map(({ explanation }) => explanation.text).join(' ')).toContain('fever');
    const detection = one?.summary.find(({ metric }) => metric === 'balancedAccuracy');
    expect(detection?.own.mean).toBeGreaterThan(0.98);
    expect(detection?.own.n).toBe(LATENTS);
    expect(detection?.shuffled?.mean).toBeLessThan(0.65);
    // At the embedding every direction sees words, so random ones are far from chance here: that is what they are run for.
    expect(detection?.random?.mean).toBeGreaterThan(0.5);
    expect(detection?.random?.n).toBeGreaterThan(LATENTS / 2);
    one?.random.forEach(({ latent, density }) => expect(Math.abs(density - (one.scored[latent]?.density ?? 0))).toBeLessThan(0.06));
    expect(new Set(one?.summary.map(({ scorer }) => scorer))).toEqual(new Set(scorers));

    const files = await writeCards(folder, task, { interpretation });
    const cards: FeatureCard[] = [];
    for await (const card of readFeatureCards(files.parquet)) cards.push(card);
    expect(cards.map(({ latent }) => latent)).toEqual(Array.from({ length: LATENTS }, (_, i) => i));
    expect(cards[0]?.explanation?.scores.length).toBeGreaterThan(0);
    expect(cards[0]?.promoted[0]?.token.trim()).toBe(WORDS[0]);
    expect((await readFile(files.csv, 'utf8')).trim().split('\r\n')).toHaveLength(LATENTS + 1);
    const json = scoresJson({ model: 'm', modelHash: 'h', hook: HOOK, data: 'd', tokens: 1, client: 'lexical', scorers, seed: 1, usage: undefined }, interpretation);
    expect(JSON.parse(JSON.stringify(json))).toMatchObject({ complete: true, saes: [{ name: 'words', live: LATENTS }] });

    const by = { book: interpretation.book, parquet: files.parquet, dataset: 'planted', createdAt: '2026-01-01T00:00:00.000Z', formats: ['neuronpedia', 'dashboard', 'delphi'] as const };
    const [neuronpedia = '', dashboard = '', delphi = ''] = await writeExports(folder, task, by);
    expect(JSON.parse((await readFile(join(neuronpedia, 'source.jsonl'), 'utf8')).trim())).toMatchObject({ id: '0-words' });
    const batch = JSON.parse(await readFile(join(dashboard, 'batch-0.json'), 'utf8')) as { readonly features: readonly { readonly frac_nonzero: number }[] };
    expect(batch.features.map((feature) => feature.frac_nonzero)).toEqual(cards.map(({ density }) => density));
    expect(JSON.parse(await readFile(join(dashboard, 'skipped_indexes.json'), 'utf8'))).toMatchObject({ sae_set: 'words', skipped_indexes: [] });
    const features = gunzipSync(await readFile(join(neuronpedia, 'features', 'batch-0.jsonl.gz'))).toString('utf8').trim().split('\n');
    const [first] = features.map((line) => JSON.parse(line) as { readonly hookName: string; readonly topkCosSimIndices: readonly number[]; readonly freq_hist_data_bar_heights: readonly number[] });
    expect(first?.hookName).toBe('blocks.0.hook_resid_pre');
    expect([...(first?.topkCosSimIndices ?? [])].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(first?.freq_hist_data_bar_heights.reduce((a, b) => a + b, 0)).toBe(interpretation.book.statistics('words').active[0]);
    const cache = await readDelphiCache(delphi);
    expect(cache.codes.indices.length).toBe(interpretation.book.statistics('words').active.reduce((a, b) => a + b, 0));
    // The first latent fires on one token id only, in the cache as in the model.
    const fired = new Set<number>();
    for (let at = 0; at < cache.codes.rows; at++) {
      for (let k = cache.codes.indptr[at] ?? 0; k < (cache.codes.indptr[at + 1] ?? 0); k++) if (cache.codes.indices[k] === 0) fired.add(cache.tokens[at] ?? -1);
    }
    expect([...fired]).toEqual([...model.tokenizer.encode(` ${WORDS[0]}`)].slice(0, 1));
  });

  it('asks the language model itself where a scorer does', async () => {
    const { client } = await openClient({ kind: 'lexical', cache: folder }, {});
    const scorers = ['simulation', 'embedding', 'surprisal', 'intervention'] as const;
    const { saes } = await interpretSaes(task, { ...base, client, scorers, latents: 2 });
    expect(saes[0]?.scored).toHaveLength(2);
    expect(new Set(saes[0]?.summary.map(({ scorer }) => scorer))).toEqual(new Set(scorers));
    for (const { own, shuffled, metric } of saes[0]?.summary ?? []) expect([own.n, shuffled?.n]).toEqual([2, metric.endsWith('Random') ? undefined : 2]);
    expect(saes[0]?.summary.find(({ scorer }) => scorer === 'simulation')?.own.mean).toBeGreaterThan(0.95);
    // A decoder row that is a token's own embedding raises that token through the tied unembedding.
    const steered = saes[0]?.summary.find(({ scorer }) => scorer === 'intervention');
    expect(steered?.own.mean).toBeGreaterThan(steered?.shuffled?.mean ?? 0);
    // Random directions, as long as the decoder rows and as dense, steered for what their own explanations claim.
    expect(steered?.random?.n).toBeGreaterThan(0);
    // The latents' own claims under random pushes of the same length and KL: the difference is what the latents do themselves.
    const beyond = saes[0]?.summary.find(({ metric }) => metric === 'logMassChangeBeyondRandom');
    const pushed = saes[0]?.summary.find(({ metric }) => metric === 'logMassChangeRandom');
    expect(beyond?.own.mean).toBeCloseTo((steered?.own.mean ?? 0) - (pushed?.own.mean ?? 0), 10);
    expect(beyond?.own.mean).toBeGreaterThan(0);
    for (const { low, high, value } of saes[0]?.scored.flatMap(({ explanation }) => explanation.scores) ?? []) expect(low <= value && value <= high).toBe(true);
  });

  it('never shows explainer and scorer the same document, nor documents of one group', async () => {
    const { client } = await openClient({ kind: 'lexical', cache: folder }, {});
    const group = patternGroups('doc-\\d*(\\d)$');
    const { book } = await interpretSaes(task, { ...base, client, scorers: [], latents: 1, controls: false, examples: { window: 12, group } });
    const sides = new Map<string, Set<string>>();
    for (let latent = 0; latent < LATENTS; latent++) {
      for (const pool of ['explainer', 'scorer'] as const) {
        const { top, quantiles, random: silent, hard } = book.latent('words', latent)[pool];
        for (const { doc } of [...top, ...quantiles.flat(), ...silent, ...hard]) sides.set(group(doc), (sides.get(group(doc)) ?? new Set()).add(pool));
      }
    }
    expect([...sides.keys()].sort()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    for (const pools of sides.values()) expect(pools.size).toBe(1);
  });

  it('samples activations evenly, each with its origin', async () => {
    const all = await sampleActivations(task, Infinity);
    const few = await sampleActivations(task, all.rows / 4);
    const width = all.site.width;
    expect(few.rows).toBe(Math.ceil(all.rows / 4));
    for (let row = 0; row < few.rows; row++) {
      expect(few.values.subarray(row * width, (row + 1) * width)).toEqual(all.values.subarray(4 * row * width, (4 * row + 1) * width));
      expect(few.origin.docs[few.origin.doc[row] ?? -1]).toBe(all.origin.docs[all.origin.doc[4 * row] ?? -1]);
      expect(few.origin.tokenId[row]).toBe(all.origin.tokenId[4 * row]);
    }
    const runs = [...spreadBatches(all, 16, all.rows / 3)];
    expect(Math.abs(runs.reduce((sum, { rows }) => sum + rows, 0) - all.rows / 3)).toBeLessThan(17);
    expect(runs[1]?.values).toEqual(all.values.subarray(48 * width, 64 * width));
    expect(runs[1]?.origin.position).toEqual(all.origin.position.subarray(48, 64));
  });

  it('groups WordNet documents by their head word, and leaves others alone', async () => {
    const taxonomy = await wordnetTaxonomy();
    const group = wordnetGroups(taxonomy);
    const senses = taxonomy.senses('cold').filter(({ lemmas }) => lemmas[0] === 'cold');
    expect(senses.length).toBeGreaterThan(1);
    expect(new Set(senses.map(({ id }) => group(`wordnet/${id}`)))).toEqual(new Set(['wordnet lemma cold']));
    expect(group('wordnet/n99999999')).toBe('wordnet/n99999999');
    const rows = [{ docs: [`wordnet/${senses[0]?.id ?? ''}`] }] as unknown as readonly TokenBatch[];
    expect((await groupsOf(rows))(rows[0]?.docs[0] ?? '')).toBe('wordnet lemma cold');
    expect((await groupsOf(task.rows))('doc-1')).toBe('doc-1');
    expect(() => patternGroups('(')).toThrow(/no regular expression/);
    expect(patternGroups('^[^#]+')('a#1')).toBe('a');
  });

  it('puts all activations, the share of each domain and the class of dense latents on the cards', async () => {
    const { client } = await openClient({ kind: 'lexical', cache: folder }, {});
    const contrast = task.rows.slice(0, 4).map((batch) => ({ ...batch, domains: batch.domains.map(() => 'elsewhere') }));
    // A threshold this low makes latent 1 fire on most words.
    const threshold = new Float32Array(LATENTS).fill(0.9);
    threshold[1] = 1e-3;
    const before = tf.memory().numTensors;
    const loose = openSae({ ...sae.state, weights: { ...sae.state.weights, threshold: { shape: [LATENTS], data: threshold } } });
    try {
      const own = { ...task, contrast, saes: [{ name: 'loose', sae: loose }] };
      const interpretation = await interpretSaes(own, { ...base, client, latents: 2, scorers: ['detection'], controls: false });
      const statistics = interpretation.book.statistics('loose');
      expect(interpretation.saes[0]?.dense.map(({ latent }) => latent)).toEqual([1]);
      const cards: FeatureCard[] = [];
      for await (const card of cardsOf(own, interpretation, ['loose'])) cards.push(card);
      for (const card of cards) {
        expect(card.histogram?.counts.reduce((a, b) => a + b, 0)).toBe(statistics.active[card.latent]);
        expect(Object.keys(card.domainShare ?? {}).sort()).toEqual(['elsewhere', 'planted']);
        expect(card.domainShare?.['elsewhere']).toBeGreaterThan(0);
        expect(card.domainShare?.['elsewhere']).toBeLessThan(0.5);
        if (card.latent !== 1) expect(card.denseClass).toBeNull();
      }
      expect(cards.find(({ latent }) => latent === 1)?.denseClass).toBe(interpretation.saes[0]?.dense[0]?.classes);
      expect(cards.some(({ contexts }) => contexts.some(({ domain }) => domain === 'elsewhere'))).toBe(false);
    } finally {
      loose.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('gives random directions the wanted densities and frees them', async () => {
    const densities = [0.01, 0.05, 0.2];
    const rows: TokenBatch[] = [];
    const text = documents({ kind: 'wordnet', part: 'medical' }).pipe(tokenize(model.tokenizer, { context: 64, packing: 'document', batchRows: 16, bucket: true }), upTo(3000));
    await runToEnd(text, { onEvent: (batch) => void rows.push(batch) });
    const collect = () => collectRandomControls([{ name: 'chance', densities }, { name: 'nothing', densities: [] }], { model, hook: 'resid_post.1', rows }, { seed: 3 });
    await collect();
    const before = tf.memory().numTensors;
    const { book, vectors } = await collect();
    expect(tf.memory().numTensors).toBe(before);
    expect(book.saes).toEqual(['chance']);
    expect(vectors.get('chance')).toHaveLength(densities.length * model.hookWidth('resid_post.1'));
    const { tokens } = book.statistics('chance');
    // Rounding to whole tokens, and tokens with one and the same activation.
    densities.forEach((density, j) => expect(Math.abs(book.statistics('chance').density(j) - density)).toBeLessThan(3 / tokens));
  });

  describe('with a language model over HTTP', () => {
    let server: Awaited<ReturnType<typeof reader>>;
    beforeAll(async () => {
      server = await reader();
    });
    afterAll(() => server.close());

    const settings = (cache: string, more: Partial<ClientSettings> = {}): ClientSettings => ({
      kind: 'llm',
      llm: { provider: 'openai-compatible', model: 'reader', baseUrl: server.url, price: { input: 2, output: 4 } },
      cache: join(folder, cache),
      ...more,
    });

    it('scores and controls, pays once, and takes the key from the environment', async () => {
      const first = await openClient(settings('answers'), { SALMON_LLM_API_KEY: 'k-123' });
      const interpretation = await interpretSaes(task, { ...base, client: first.client });
      const detection = interpretation.saes[0]?.summary.find(({ metric }) => metric === 'balancedAccuracy');
      expect(detection?.own.mean).toBeGreaterThan(0.95);
      expect(detection?.shuffled?.mean).toBeLessThan(0.65);
      expect(detection?.random?.n).toBeGreaterThan(LATENTS / 2);
      const used = first.usage();
      expect(server.requests()).toBe(used?.requests);
      expect(server.keys()).toEqual(['Bearer k-123']);
      expect(used?.cost).toBeCloseTo(((used?.inputTokens ?? 0) * 2 + (used?.outputTokens ?? 0) * 4) / 1e6, 10);
      const again = await openClient(settings('answers'), { SALMON_LLM_API_KEY: 'k-123' });
      const repeated = await interpretSaes(task, { ...base, client: again.client });
      expect(again.usage()?.requests).toBe(0);
      expect(repeated.saes).toEqual(interpretation.saes);
    });

    it('stops at a budget of tokens or on request with what is whole', async () => {
      const poor = await openClient(settings('few', { budgetTokens: 12_000 }), {});
      const stopped = await interpretSaes(task, { ...base, client: poor.client, controls: false });
      expect(stopped.stopped).toBe('budget');
      expect(stopped.saes[0]?.scored.length).toBeGreaterThan(0);
      expect(stopped.saes[0]?.scored.length).toBeLessThan(LATENTS);
      expect((poor.usage()?.inputTokens ?? 0) + (poor.usage()?.outputTokens ?? 0)).toBeLessThanOrEqual(12_000);
      const stop = new AbortController();
      let events = 0;
      const { client } = await openClient(settings('stopped', { signal: stop.signal }), {});
      const interrupted = await interpretSaes(task, { ...base, client, signal: stop.signal, onProgress: (stage) => void (stage === 'explain and score' && (events += 1) === 12 && stop.abort()) });
      expect(interrupted.stopped).toBe('interrupted');
      const { cards } = await writeCards(join(folder, 'interrupted'), task, { interpretation: interrupted, signal: stop.signal });
      // Paid explanations are kept even where no score followed.
      expect(cards).toBe((interrupted.saes[0]?.scored.length ?? 0) + (interrupted.saes[0]?.unscored.length ?? 0));
      expect(interrupted.saes[0]?.unscored.length).toBeGreaterThan(0);
      expect(cards).toBeGreaterThan(0);
    });

    it('refuses what it cannot do', async () => {
      await expect(openClient({ kind: 'llm', cache: folder }, {})).rejects.toMatchObject({ code: 'usage' });
      await expect(openClient(settings('two', { budgetTokens: 5 }), { SALMON_LLM_BUDGET: '1' })).rejects.toMatchObject({ code: 'usage' });
      await expect(openClient({ kind: 'lexical', budgetTokens: 5, cache: folder }, {})).rejects.toMatchObject({ code: 'usage' });
    });
  });
});

/** Documents of words drawn at random, among them those the latents stand for. */
async function plantedText(model: LanguageModel): Promise<readonly TokenBatch[]> {
  const draws = random(5, 'planted-text');
  const texts = Array.from({ length: 500 }, (_, i): Document => {
    const words = Array.from({ length: 10 }, () => WORDS[draws.below(WORDS.length)]);
    return { id: `doc-${i}`, domain: 'planted', text: `The ${words.join(' ')}`, cursor: { source: 'planted', shard: 0, row: i + 1 } };
  });
  const rows: TokenBatch[] = [];
  await runToEnd(from(texts).pipe(tokenize(model.tokenizer, { context: 64, packing: 'document', batchRows: 16, bucket: true })), { onEvent: (batch) => void rows.push(batch) });
  return rows;
}

/** A JumpReLU SAE whose latent i fires where the embedding is that of word i's first token. */
function wordState(model: LanguageModel, rows: readonly TokenBatch[]): ReturnType<typeof randomState> {
  const width = model.hookWidth(HOOK);
  const state = randomState('jumprelu', { width, latents: LATENTS });
  const [encoder, decoder] = [new Float32Array(width * LATENTS), new Float32Array(LATENTS * width)];
  const ids = WORDS.slice(0, LATENTS).map((word) => model.tokenizer.encode(` ${word}`)[0] ?? -1);
  for (const batch of rows) {
    const values = model.forward(batch, { hooks: [HOOK] }).activations[HOOK] ?? new Float32Array();
    ids.forEach((id, latent) => {
      const at = batch.ids.indexOf(id);
      if (at === -1) return;
      const vector = values.subarray(at * width, (at + 1) * width);
      const square = vector.reduce((sum, v) => sum + v * v, 0);
      vector.forEach((v, d) => {
        encoder[d * LATENTS + latent] = v / square;
        decoder[latent * width + d] = v / Math.sqrt(square);
      });
    });
  }
  const zeros = (n: number): { readonly shape: readonly number[]; readonly data: Float32Array } => ({ shape: [n], data: new Float32Array(n) });
  const weights = { ...state.weights, W_enc: { shape: [width, LATENTS], data: encoder }, W_dec: { shape: [LATENTS, width], data: decoder }, b_enc: zeros(LATENTS), b_dec: zeros(width), threshold: { shape: [LATENTS], data: new Float32Array(LATENTS).fill(0.9) } };
  return { ...state, weights, site: { model: 'minnow', hook: HOOK, width } };
}

/** A local server with the OpenAI chat protocol: its "model" names the first marked word, and finds a named word in texts. */
async function reader(): Promise<{ readonly url: string; requests(): number; keys(): readonly string[]; close(): Promise<void> }> {
  let requests = 0;
  const keys = new Set<string>();
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      requests++;
      if (request.headers.authorization !== undefined) keys.add(request.headers.authorization);
      const body = JSON.parse(Buffer.concat(parts).toString('utf8')) as { readonly messages: readonly { readonly role: string; readonly content: string }[] };
      const content = replyTo(body.messages.findLast(({ role }) => role === 'user')?.content ?? '');
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ id: 'a', object: 'chat.completion', created: 0, model: 'reader', choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }], usage: { prompt_tokens: 200, completion_tokens: 20, total_tokens: 220 } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests: () => requests,
    keys: () => [...keys],
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function replyTo(text: string): string {
  const word = /Description: .*"(\w+)"/.exec(text)?.[1];
  if (word === undefined) return JSON.stringify({ explanation: `the word "${(/<<(.*?)>>/.exec(text)?.[1] ?? '').trim()}"` });
  const excerpts = text.split(/Excerpt \d+:\n/).slice(1);
  const marked = new RegExp(`<<[^>]*${word}[^<]*>>`);
  return JSON.stringify({ answers: excerpts.map((excerpt) => ((text.includes('<<') ? marked.test(excerpt) : excerpt.includes(word)) ? 0.9 : 0.1)) });
}

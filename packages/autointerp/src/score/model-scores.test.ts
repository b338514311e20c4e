import { tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { idOf, LATENTS, planted, tokenizer, WORDS } from '../../test/planted-corpus.js';
import { toyModel } from '../../test/toy-model.js';
import type { ExampleBook } from '../examples/example-book.js';
import { ExampleCollector } from '../examples/example-collector.js';
import type { Explained } from '../explain/explainer.js';
import { lexicalExplainer } from '../explain/lexical-explainer.js';
import { claimedTokens } from './claimed-tokens.js';
import { activationEmbedder, embeddingScore } from './embedding-score.js';
import { interventionScore, interventionScores } from './intervention-score.js';
import type { InterventionScore } from './intervention-score.js';
import { randomDirections } from './random-directions.js';
import { surprisalScore } from './surprisal-score.js';

const model = toyModel();
let book: ExampleBook;

beforeAll(async () => {
  await useBackend();
  const collector = new ExampleCollector([{ name: 'planted', latents: LATENTS.count }], { window: 16 });
  for (const { tokens, coded } of planted({ batches: 30 })) collector.add(tokens, coded);
  book = collector.finish();
});

describe('surprisalScore', () => {
  it('is high for the right words and at chance for words that say nothing', () => {
    const examples = book.latent('planted', LATENTS.fever);
    expect(surprisalScore(examples, { text: ' fever', model })?.auc.value).toBeGreaterThan(0.9);
    expect(Math.abs((surprisalScore(examples, { text: ' ladder', model })?.auc.value ?? 0) - 0.5)).toBeLessThan(0.2);
  });
});

describe('embeddingScore', () => {
  it('is high where the explanation lies near the activating windows', async () => {
    const examples = book.latent('planted', LATENTS.fever);
    const embedder = activationEmbedder(model, 'resid_post.0');
    const good = await embeddingScore(examples, { text: ' fever', tokenizer, embedder });
    const bad = await embeddingScore(examples, { text: ' ladder', tokenizer, embedder });
    expect(good?.auc.value).toBeGreaterThan(0.9);
    expect(good?.auc.value ?? 0).toBeGreaterThan((bad?.auc.value ?? 1) + 0.2);
  });
});

describe('interventionScore', () => {
  const steer = (word: string, claimed: string, more: { readonly norm?: number; readonly shuffled?: Int32Array; readonly randomDirections?: number } = {}): ReturnType<typeof interventionScore> => {
    const { norm = 1, randomDirections = 4, ...shuffled } = more;
    const direction = new Float32Array(WORDS.length);
    direction[idOf(word)] = norm;
    const by = { model, hook: 'resid_post.0', direction, claimed: Int32Array.of(idOf(claimed)), ...shuffled };
    return interventionScore(book.latent('planted', LATENTS.fever), by, { randomDirections });
  };

  it('rises for what the direction promotes, falls for the rest, at the KL asked for', () => {
    const right = steer(' fever', ' fever');
    const wrong = steer(' fever', ' ladder');
    expect(right?.effect.value).toBeGreaterThan(1);
    expect(right?.effect.low).toBeGreaterThan(0);
    expect(wrong?.effect.high).toBeLessThan(0);
    expect(right?.kl).toBeGreaterThan(0.4);
    expect(right?.kl).toBeLessThan(0.6);
  });

  it('pushes random directions of the same norm to the same KL, and gives what the latent does beyond them', () => {
    const score = steer(' fever', ' fever', { shuffled: Int32Array.of(idOf(' ladder')), randomDirections: 6 });
    const random = score?.random;
    expect(random?.directions).toBe(6);
    expect(random?.kl).toBeGreaterThan(0.4);
    expect(random?.kl).toBeLessThan(0.6);
    // A random direction has 1 / sqrt(width) of its length on the claimed token.
    expect(Math.abs(random?.effect.value ?? 9)).toBeLessThan((score?.effect.value ?? 0) / 2);
    expect(random?.beyond.value).toBeCloseTo((score?.effect.value ?? 0) - (random?.effect.value ?? 0), 10);
    expect(random?.beyond.low).toBeGreaterThan(0);
    expect(random?.beyond.n).toBe(8);
    // The claim of another latent, in the same runs, is what a score of its own gives.
    expect(score?.shuffled?.value).toBeCloseTo(steer(' fever', ' ladder')?.effect.value ?? 9, 10);
    const rows = interventionScores(score as InterventionScore);
    expect(rows.map(({ metric }) => metric)).toEqual(['logMassChange', 'logMassChangeRandom', 'logMassChangeBeyondRandom']);
    expect(rows[0]?.control).toBe(score?.shuffled?.value);
    expect(rows[0]?.controlLow).toBeLessThanOrEqual(rows[0]?.control ?? -9);
  });

  it('finds nothing beyond random pushes where the claim is of a word the latent does not touch', () => {
    const [right, wrong] = [steer(' fever', ' fever', { randomDirections: 8 }), steer(' fever', ' ladder', { randomDirections: 8 })];
    expect(Math.abs(wrong?.random?.beyond.value ?? 9)).toBeLessThan((right?.random?.beyond.value ?? 0) / 5);
    expect(wrong?.random?.beyond.low).toBeLessThan(0);
    expect(wrong?.random?.beyond.high).toBeGreaterThan(0);
  });

  it('does not depend on the norm of the decoder row', () => {
    const [one, more] = [steer(' fever', ' fever'), steer(' fever', ' fever', { norm: 4 })];
    expect((more?.strength ?? 0) * 4).toBeCloseTo(one?.strength ?? 0, 1);
    expect(more?.kl).toBeCloseTo(one?.kl ?? 9, 1);
    expect(more?.random?.effect.value).toBeCloseTo(one?.random?.effect.value ?? 9, 1);
  });

  it('can leave the random directions out', () => {
    const score = steer(' fever', ' fever', { randomDirections: 0 });
    expect(score?.random).toBeUndefined();
    expect(interventionScores(score as InterventionScore)).toHaveLength(1);
  });
});

describe('claimedTokens', () => {
  it('takes words from a rule, from quotes, or from the text', () => {
    const explained = lexicalExplainer(book, { tokenizer }).explain(book.latent('planted', LATENTS.fever)) as Explained;
    expect([...claimedTokens(explained, tokenizer)]).toEqual([idOf(' fever')]);
    const plain = { sae: 's', latent: 0, method: 'llm' };
    expect([...claimedTokens({ ...plain, text: 'The word "river" and "stone"' }, tokenizer)]).toEqual([idOf(' river'), idOf(' stone')]);
    expect([...claimedTokens({ ...plain, text: 'mentions of the garden' }, tokenizer)]).toEqual([idOf(' garden')]);
  });
});

describe('randomDirections', () => {
  it('fires with the density asked for on fresh data, and frees its tensors', () => {
    const draws = random(3);
    const [rows, width] = [4000, 24];
    const make = (): Float32Array => Float32Array.from({ length: rows * width }, (_, i) => 3 + (i % 5) + draws.normal());
    const before = tf.memory().numTensors;
    const densities = [0.01, 0.1, 0.3];
    const control = randomDirections(make(), rows, { densities, width, seed: 1 });
    const codes = control.encode(make(), rows);
    densities.forEach((density, j) => {
      const seen = codes.indices.filter((f) => f === j).length / rows;
      expect(seen).toBeGreaterThan(density * 0.6);
      expect(seen).toBeLessThan(density * 1.5);
    });
    expect(codes.values.every((v) => v > 0)).toBe(true);
    for (let j = 0; j < 3; j++) expect(Math.hypot(...control.vectors.subarray(j * width, (j + 1) * width))).toBeCloseTo(1, 6);
    expect(codes.indptr[rows]).toBe(codes.indices.length);
    control.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

import { tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import type { NdArray } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { idOf, LATENTS, planted, tokenizer, WORDS } from '../../test/planted-corpus.js';
import { toyModel } from '../../test/toy-model.js';
import { ExampleCollector } from '../examples/example-collector.js';
import { featureCards } from './feature-cards.js';
import { nearestLatents } from './nearest-latents.js';

beforeAll(async () => {
  await useBackend();
});

function gaussian(rows: number, width: number, seed: number): NdArray {
  const draws = random(seed);
  return { shape: [rows, width], data: Float32Array.from({ length: rows * width }, () => draws.normal()) };
}

describe('nearestLatents', () => {
  it('equals brute force, across tiles, and leaves no tensor behind', () => {
    const a = gaussian(23, 12, 1);
    const b = gaussian(41, 12, 2);
    const before = tf.memory().numTensors;
    const found = nearestLatents(a, b, { k: 4, tile: 8 });
    expect(tf.memory().numTensors).toBe(before);
    const row = (m: NdArray, i: number): Float32Array => m.data.subarray(i * 12, (i + 1) * 12);
    const dot = (x: Float32Array, y: Float32Array): number => x.reduce((s, v, d) => s + v * (y[d] as number), 0);
    found.forEach((list, i) => {
      const all = Array.from({ length: 41 }, (_, j) => ({
        latent: j,
        cosine: dot(row(a, i), row(b, j)) / Math.sqrt(dot(row(a, i), row(a, i)) * dot(row(b, j), row(b, j))),
      })).sort((x, y) => y.cosine - x.cosine);
      list.forEach((n, k) => {
        expect(n.latent).toBe(all[k]?.latent);
        expect(n.cosine).toBeCloseTo(all[k]?.cosine ?? 9, 5);
      });
    });
  });

  it('refuses decoders of different width', () => {
    expect(() => nearestLatents(gaussian(3, 4, 1), gaussian(3, 5, 1))).toThrow(/cannot be compared/);
  });
});

describe('featureCards', () => {
  it('puts contexts, logit effects, neighbours, explanation and class on a card', async () => {
    const collector = new ExampleCollector([{ name: 'planted', latents: LATENTS.count }], { window: 16 });
    for (const { tokens, coded } of planted()) collector.add(tokens, coded);
    const book = collector.finish();
    const decoder = gaussian(LATENTS.count, WORDS.length, 3);
    decoder.data[LATENTS.fever * WORDS.length + idOf(' fever')] = 50;
    const before = tf.memory().numTensors;
    const cards = await featureCards(
      {
        sae: 'planted',
        decoder,
        explanations: new Map([[LATENTS.fever, { text: 'fever', method: 'lexical', scores: [] }]]),
        denseClasses: new Map([[LATENTS.dense, 'position']]),
      },
      { book, tokenizer, model: toyModel(), others: [{ sae: 'other', decoder }] },
      { perQuantile: 1, top: 5 },
    );
    expect(tf.memory().numTensors).toBe(before);
    expect(cards.map((c) => c.latent)).toEqual([...book.live('planted')]);
    expect(cards.some((c) => c.latent === LATENTS.silent)).toBe(false);
    const fever = cards.find((c) => c.latent === LATENTS.fever);
    expect(fever?.promoted[0]?.token).toBe(' fever');
    expect(fever?.promoted[0]?.value).toBeCloseTo(200, 3);
    expect(fever?.neighbours[0]).toMatchObject({ sae: 'other', latent: LATENTS.fever });
    expect(fever?.neighbours[0]?.cosine).toBeCloseTo(1, 5);
    expect(fever?.explanation?.text).toBe('fever');
    expect(cards.find((c) => c.latent === LATENTS.dense)?.denseClass).toBe('position');
    expect(fever?.denseClass).toBeNull();
    expect(fever?.histogram).toEqual(book.statistics('planted').histogram(LATENTS.fever));
    expect(Object.keys(fever?.domainShare ?? {}).sort()).toEqual(['even', 'odd']);
    const top = fever?.contexts.filter((c) => c.quantile === -1) ?? [];
    expect(top).toHaveLength(5);
    for (const context of top) {
      const at = context.activations.indexOf(context.peak);
      expect(context.tokens[at]).toBe(' fever');
    }
    expect(new Set(fever?.contexts.map((c) => c.quantile)).size).toBe(11);
  });
});

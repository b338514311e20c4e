import { describe, expect, it } from 'vitest';
import type { FeatureCard, FeatureContext } from '@salmon-sae/dataflow';
import { CardColumns, peakWord } from './card-columns.js';

const context = (tokens: readonly string[], peakAt: number, domain = 'trades'): FeatureContext => ({
  doc: 'd',
  domain,
  tokens,
  activations: tokens.map((_, i) => (i === peakAt ? 2 : 0)),
  peak: 2,
  quantile: 0,
});

describe('peakWord', () => {
  it('joins the pieces of a word and drops what stands around it', () => {
    expect(peakWord(context([' the', ' an', 'vi', 'l', '.'], 2))).toBe('anvil');
    expect(peakWord(context([' (', 'Lan', 'tern', ')'], 2))).toBe('lantern');
    expect(peakWord(context(['ing', ' of'], 0))).toBe('ing');
    expect(peakWord(context([' end', '.', '\n'], 1))).toBe('.');
  });
});

describe('CardColumns', () => {
  const card = (latent: number, neighbours: FeatureCard['neighbours']): FeatureCard => ({
    sae: 'a',
    latent,
    density: 0.0123456789,
    maxActivation: 2,
    contexts: [context([' anvil'], 0), context([' anvil'], 0), context([' kettle'], 0, 'other')],
    promoted: [],
    suppressed: [],
    neighbours,
  });

  it('makes columns of equal length, with the best neighbour of each other SAE', () => {
    const columns = new CardColumns('a@trades', 'trades');
    columns.add(card(4, [{ sae: 'b', latent: 1, cosine: 0.3 }, { sae: 'b', latent: 2, cosine: 0.8 }]));
    columns.add({ ...card(9, []), denseClass: null, domainShare: { trades: 0.25, other: 0.75 } });
    columns.add({ ...card(11, [{ sae: 'c', latent: 5, cosine: -0.1 }]), denseClass: 'position+output', domainShare: { other: 1 }, explanation: { text: 'x', method: 'm', scores: [{ scorer: 'detection', metric: 'balancedAccuracy', value: 0.75, low: 0, high: 1, n: 3 }] } });
    const data = columns.done();
    expect(data.latent).toEqual([4, 9, 11]);
    expect(data.words).toEqual(Array(3).fill('anvil:2 kettle:1'));
    expect(data.token[0]).toBe(' anvil');
    // Null: the run did not record it; "": looked at, and not dense.
    expect(data.dense).toEqual([null, '', 'position+output']);
    expect(data.domain).toEqual([null, 0.25, 0]);
    expect(data.score).toEqual([null, null, 0.75]);
    expect(data.near).toEqual({ b: { latent: [2, null, null], cosine: [0.8, null, null] }, c: { latent: [null, null, 5], cosine: [null, null, -0.1] } });
  });
});

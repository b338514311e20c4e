import { useBackend } from '@salmon-sae/compute';
import type { Edit, LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { constantAnchor, identityAnchor } from '../anchors/anchors.js';
import { interval } from '../documents/estimate.js';
import type { Reconstructor } from '../reconstruction/named-sae.js';
import { evaluateLoss, lossMetrics } from './evaluate-loss.js';
import { klRecoveredZero } from './kl.js';
import { lossRecoveredZero } from './loss-recovered.js';
import { meanActivation } from './mean-activation.js';
import { spliceEdit } from './splice-edit.js';

const V = 12;
const D = 4;
const draw = random(11);
const embedding = Float32Array.from({ length: V * D }, () => draw.normal());
const unembedding = Float32Array.from({ length: V * D }, () => draw.normal());

/** A bigram model with one hook: x = E[token], logits = U x. Every number below can be worked out by hand from it. */
const bigram: LanguageModel = {
  info: { id: 'bigram', family: 'bigram', hash: '', layers: 1, width: D, vocabulary: V, context: 16, parameters: 2 * V * D },
  tokenizer: {
    hash: '', vocabulary: V, bos: 0, eos: undefined, pad: 0, specials: new Set([0]),
    encode: () => new Int32Array(0), decode: () => '', token: (id) => `${id}`,
  },
  hookWidth: () => D,
  forward: (rows) => ({ activations: { 'resid_post.0': activations(rows.ids) } }),
  scoreEdits: (rows, variants) => {
    const clean = predict(activations(rows.ids), rows.ids, rows.context);
    return {
      clean: clean.ce,
      counted: Uint8Array.from({ length: rows.rows * (rows.context - 1) }, (_, i) => {
        const at = Math.floor(i / (rows.context - 1)) * rows.context + (i % (rows.context - 1));
        return (rows.mask[at] ?? 0) & (rows.mask[at + 1] ?? 0);
      }),
      variants: variants.map((edits) => {
        const edited = predict(edits.reduce(apply, activations(rows.ids)), rows.ids, rows.context);
        const kl = clean.log.map((p, i) => p.reduce((sum, lp, v) => sum + Math.exp(lp) * (lp - ((edited.log[i] as number[])[v] as number)), 0));
        return { crossEntropy: edited.ce, kl: Float32Array.from(kl) };
      }),
    };
  },
  logitEffects: () => [],
  dispose: () => undefined,
};

function activations(ids: Int32Array): Float32Array {
  return Float32Array.from({ length: ids.length * D }, (_, i) => embedding[(ids[Math.floor(i / D)] as number) * D + (i % D)] as number);
}

function apply(x: Float32Array, edit: Edit): Float32Array {
  const mapped = edit.kind === 'map' ? edit.fn(x, D) : x;
  return x.map((v, i) => {
    if (edit.where?.[Math.floor(i / D)] === 0) return v;
    if (edit.kind === 'zero') return 0;
    if (edit.kind === 'mean') return edit.vector?.[i % D] as number;
    return mapped[i] as number;
  });
}

function predict(x: Float32Array, ids: Int32Array, context: number): { ce: Float32Array; log: number[][] } {
  const log: number[][] = [];
  const ce: number[] = [];
  for (let at = 0; at < ids.length; at++) {
    if (at % context === context - 1) continue;
    const logits = Array.from({ length: V }, (_, v) => {
      let sum = 0;
      for (let d = 0; d < D; d++) sum += (unembedding[v * D + d] as number) * (x[at * D + d] as number);
      return sum;
    });
    const norm = Math.log(logits.reduce((s, l) => s + Math.exp(l), 0));
    log.push(logits.map((l) => l - norm));
    ce.push(norm - (logits[ids[at + 1] as number] as number));
  }
  return { ce: Float32Array.from(ce), log };
}

/** Rows of `context` tokens: BOS, text, then padding in the second half of every third row; one document a row. */
function tokens(rows: number, context: number, seed: number): TokenBatch {
  const r = random(seed, 'tokens');
  const short = (row: number): boolean => row % 3 === 2;
  const real = (i: number): boolean => !(short(Math.floor(i / context)) && i % context >= context / 2);
  const ids = Int32Array.from({ length: rows * context }, (_, i) => (i % context === 0 || !real(i) ? 0 : 1 + r.below(V - 1)));
  return {
    rows, context, ids,
    mask: Uint8Array.from(ids, (_, i) => (real(i) ? 1 : 0)),
    special: Uint8Array.from(ids, (_, i) => (i % context === 0 || !real(i) ? 1 : 0)),
    doc: Int32Array.from(ids, (_, i) => (real(i) ? Math.floor(i / context) : -1)),
    docs: Array.from({ length: rows }, (_, row) => `doc-${seed}-${row}`),
    domains: Array.from({ length: rows }, () => 'd'),
    cursor: { source: 's', shard: 0, row: rows },
  };
}

function slice(batch: TokenBatch, from: number, to: number): TokenBatch {
  const c = batch.context;
  const cut = <T extends Uint8Array | Int32Array>(a: T): T => a.slice(from * c, to * c) as T;
  return {
    ...batch, rows: to - from, ids: cut(batch.ids), mask: cut(batch.mask), special: cut(batch.special),
    doc: cut(batch.doc).map((d) => (d < 0 ? d : d - from)), docs: batch.docs.slice(from, to), domains: batch.domains.slice(from, to),
  };
}

const shrink: Reconstructor = { ...identityAnchor(D), run: (x, n) => ({ ...identityAnchor(D).run(x, n), recon: x.map((v) => 0.5 * v) }) };
const request = { model: bigram, hook: 'resid_post.0' };

describe('evaluateLoss', () => {
  beforeAll(async () => void (await useBackend()));

  it('is free for the identity and equals the ablations for constant reconstructions', () => {
    const batch = tokens(12, 8, 1);
    const mean = meanActivation({ ...request, tokens: [batch] });
    const { saes, positions, documents } = evaluateLoss({
      ...request,
      tokens: [batch],
      saes: [
        { name: 'identity', sae: identityAnchor(D) },
        { name: 'zero', sae: constantAnchor(new Float32Array(D)) },
        { name: 'mean', sae: constantAnchor(mean) },
      ],
    });
    // 8 full rows of 8 tokens: 7 predictions less BOS's own; 4 short rows of 4 tokens.
    expect(positions).toBe(8 * 6 + 4 * 2);
    expect(documents).toBe(12);
    const value = (sae: number, id: string): number => saes[sae]?.metrics[id]?.value as number;
    expect(value(0, 'delta_ce@1')).toBe(0);
    expect(value(0, 'kl@1')).toBe(0);
    expect(value(0, 'loss_recovered_zero@1')).toBe(1);
    expect(value(0, 'loss_recovered_mean@1')).toBe(1);
    expect(value(0, 'kl_recovered_zero@1')).toBe(1);
    expect(value(1, 'loss_recovered_zero@1')).toBeCloseTo(0, 12);
    expect(value(1, 'ce_spliced@1')).toBeCloseTo(Math.log(V), 6);
    expect(value(2, 'loss_recovered_mean@1')).toBeCloseTo(0, 12);
    expect(value(2, 'kl_recovered_mean@1')).toBeCloseTo(0, 12);
  });

  it('leaves special tokens untouched unless they are included', () => {
    const batch = tokens(6, 6, 2);
    const edited: number[] = [];
    const counting: Reconstructor = { ...identityAnchor(D), run: (x, n) => (edited.push(n), identityAnchor(D).run(x, n)) };
    const run = (specials: 'exclude' | 'include'): number =>
      evaluateLoss({ ...request, tokens: [batch], saes: [{ name: 's', sae: counting }], specials }).positions;
    const real = batch.mask.reduce((a, b) => a + b, 0);
    expect(run('include') - run('exclude')).toBe(6);
    expect(edited).toEqual([real, real - 6]);
    const edit = spliceEdit(shrink, { hook: 'h', where: Uint8Array.of(0, 1) });
    expect([...(edit.kind === 'map' ? edit.fn(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), 4) : [])]).toEqual([1, 2, 3, 4, 2.5, 3, 3.5, 4]);
  });

  it('does not depend on how rows are batched, intervals included', () => {
    const batch = tokens(20, 8, 3);
    const cut = [slice(batch, 13, 20), slice(batch, 0, 5), slice(batch, 5, 13)];
    const saes = [{ name: 'shrink', sae: shrink }];
    const whole = evaluateLoss({ ...request, tokens: [batch], saes, replicates: 200 }).saes[0]?.metrics ?? {};
    const parts = evaluateLoss({ ...request, tokens: cut, saes, replicates: 200 }).saes[0]?.metrics ?? {};
    expect(Object.keys(whole)).toEqual(lossMetrics.map((m) => m.id));
    for (const [id, sampled] of Object.entries(whole)) {
      const other = parts[id] as typeof sampled;
      expect(other.value, id).toBeCloseTo(sampled.value, 6);
      expect(interval(other).low, id).toBeCloseTo(interval(sampled).low as number, 6);
    }
    expect(whole['delta_ce@1']?.value).not.toBe(0);
  });

  it('matches the peers’ scores from the same four losses', () => {
    const m = { positions: 1, clean: 3.214, spliced: 3.481, zero: 9.77, mean: 5, klSpliced: 0.31, klZero: 7.2, klMean: 1 };
    expect(lossRecoveredZero.of(m)).toBeCloseTo(0.9592739475289812, 14);
    expect(klRecoveredZero.of(m)).toBeCloseTo(0.9569444444444445, 14);
  });

  it('refuses SAEs of another width and batches without a scored position', () => {
    expect(() => evaluateLoss({ ...request, tokens: [], saes: [{ name: 'wide', sae: identityAnchor(D + 1) }] })).toThrow(/cannot be spliced/);
    expect(() => evaluateLoss({ ...request, tokens: [], saes: [] })).toThrow(/No position was scored/);
  });
});

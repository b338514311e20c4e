import { join } from 'node:path';
import { tf, useBackend } from '@salmon-sae/compute';
import type { ActivationBatch, LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import { lastValueFrom, of, toArray } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadLanguageModel } from '../model/load-language-model.js';
import type { FilterCount } from './filter.js';
import { lengthGroups } from './forward-by-length.js';
import { harvest } from './harvest.js';
import type { HarvestOptions } from './harvest.js';
import { normOutliers } from './norm-outliers.js';
import { positions } from './positions.js';

const FOLDER = join(import.meta.dirname, '../../test/fixtures/lm/gemma2');

/** Rows of the given lengths; position 0 is special; row r is document r. */
function tokens(lengths: readonly number[], context: number): TokenBatch {
  const rows = lengths.length;
  const draw = random(5, 'tokens');
  const ids = new Int32Array(rows * context);
  const mask = new Uint8Array(rows * context);
  const special = new Uint8Array(rows * context).fill(1);
  const doc = new Int32Array(rows * context).fill(-1);
  lengths.forEach((length, row) => {
    for (let t = 0; t < length; t++) {
      const i = row * context + t;
      ids[i] = t === 0 ? 2 : 3 + draw.below(250);
      mask[i] = 1;
      special[i] = t === 0 ? 1 : 0;
      doc[i] = row;
    }
  });
  const docs = lengths.map((_, row) => `doc-${row}`);
  return { rows, context, ids, mask, special, doc, docs, domains: docs.map(() => 'd'), cursor: { source: 's', shard: 0, row: rows } };
}

function gather(model: LanguageModel, batch: TokenBatch, options: HarvestOptions): Promise<readonly ActivationBatch[]> {
  return lastValueFrom(of(batch).pipe(harvest(model, options), toArray()));
}

describe('harvest', () => {
  let model: LanguageModel;

  beforeAll(async () => {
    await useBackend();
    model = await loadLanguageModel(FOLDER);
  });
  afterAll(() => model.dispose());

  it('emits one row per ordinary token, in token order, with its origin', async () => {
    const batch = tokens([4, 2], 5);
    const [got] = await gather(model, batch, { hook: 'resid_post.2' });
    const { activations } = model.forward(batch, { hooks: ['resid_post.2'] });
    const all = activations['resid_post.2'] as Float32Array;
    expect(got?.rows).toBe(4);
    expect([...(got?.origin.position ?? [])]).toEqual([1, 2, 3, 1]);
    expect([...(got?.origin.doc ?? [])]).toEqual([0, 0, 0, 1]);
    expect([...(got?.origin.tokenId ?? [])]).toEqual([1, 2, 3, 6].map((i) => batch.ids[i]));
    const expected = [1, 2, 3, 6].flatMap((i) => [...all.subarray(i * 32, (i + 1) * 32)]);
    got?.values.forEach((value, i) => expect(value).toBeCloseTo(expected[i] as number, 5));
    expect(got?.cursor).toEqual(batch.cursor);
    expect(got?.site).toEqual({ model: 'gemma2', hook: 'resid_post.2', width: 32 });
  });

  it('takes several hooks from one pass', async () => {
    const batch = tokens([6, 6], 6);
    const hooks = ['mlp_out.1', 'embed'];
    const got = await gather(model, batch, { hooks, specials: 'include' });
    const { activations } = model.forward(batch, { hooks });
    expect(got.map((b) => b.site.hook)).toEqual(hooks);
    for (const b of got) expect(b.values).toEqual(activations[b.site.hook]);
  });

  it('gives the same rows however rows are grouped by length', async () => {
    const batch = tokens([100, 7, 64, 33, 2], 100);
    const [whole] = await gather(model, batch, { hook: 'resid_post.3', specials: 'include' });
    const [split] = await gather(model, batch, { hook: 'resid_post.3', specials: 'include', tokensAtOnce: 64 });
    const direct = model.forward(batch, { hooks: ['resid_post.3'] }).activations['resid_post.3'] as Float32Array;
    const kept = [...batch.mask.keys()].filter((i) => batch.mask[i] === 1);
    const expected = Float32Array.from(kept.flatMap((i) => [...direct.subarray(i * 32, (i + 1) * 32)]));
    for (const got of [whole, split]) {
      expect(got?.values.length).toBe(expected.length);
      got?.values.forEach((value, i) => expect(Math.abs(value - (expected[i] as number))).toBeLessThan(1e-4));
    }
    const groups = lengthGroups(batch, 200);
    expect(groups.map((g) => g.length)).toEqual([32, 64, 100]);
    expect(groups.map((g) => g.rows)).toEqual([[1, 4], [2, 3], [0]]);
  });

  it('filters and counts what it drops', async () => {
    const batch = tokens([8, 8], 8);
    const reports = new Map<string, readonly FilterCount[]>();
    const [got] = await gather(model, batch, {
      hook: 'resid_post.0',
      filters: [positions({ from: 2, to: 6 })],
      onFiltered: ({ hook, filters }) => reports.set(hook, filters),
    });
    expect(got?.rows).toBe(8);
    expect(reports.get('resid_post.0')).toEqual([
      { name: 'special-tokens', seen: 16, dropped: 2 },
      { name: 'positions', seen: 14, dropped: 6 },
    ]);
    expect(() => positions({ from: 3, to: 3 })).toThrow(/keeps nothing/);
  });

  it('drops rows whose norm is far above the median', () => {
    const batch = tokens([5], 5);
    const values = new Float32Array(5 * 2).fill(1);
    values[4] = 40;
    const keep = normOutliers({ multiple: 3 }).select({ batch, at: Int32Array.from([0, 1, 2, 3, 4]), values, width: 2 });
    expect([...keep]).toEqual([1, 1, 0, 1, 1]);
    expect(() => normOutliers({ multiple: 1 })).toThrow(/above 1/);
  });

  it('names the hooks there are when one is unknown', async () => {
    await expect(gather(model, tokens([3], 3), { hook: 'resid_post.9' })).rejects.toThrow(/i from 0 to 3/);
    await expect(gather(model, tokens([3], 3), {})).rejects.toThrow(/at least one hook/);
  });

  it('leaves no tensor behind', async () => {
    const batch = tokens([9, 4], 9);
    await gather(model, batch, { hook: 'resid_post.1' });
    const before = tf.memory().numTensors;
    await gather(model, batch, { hook: 'resid_post.1' });
    expect(tf.memory().numTensors).toBe(before);
  });
});

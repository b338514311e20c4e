import { join } from 'node:path';
import { tf, useBackend } from '@salmon-sae/compute';
import type { Edit, LanguageModel, TokenRows } from '@salmon-sae/dataflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadLanguageModel } from './load-language-model.js';

const WIDTH = 32;
const HOOKS = ['embed', 'resid_pre.1', 'attn_out.1', 'mlp_out.2', 'resid_post.0', 'resid_post.3'];

const rows: TokenRows = {
  rows: 2,
  context: 5,
  ids: Int32Array.from([2, 10, 20, 30, 40, 2, 50, 60, 0, 0]),
  mask: Uint8Array.from([1, 1, 1, 1, 1, 1, 1, 1, 0, 0]),
};

describe('edits', () => {
  let model: LanguageModel;

  beforeAll(async () => {
    await useBackend();
    model = await loadLanguageModel(join(import.meta.dirname, '../../test/fixtures/lm/gemma2'));
  });
  afterAll(() => model.dispose());

  const at = (hook: string, edits: readonly Edit[]): Float32Array => model.forward(rows, { hooks: [hook], edits }).activations[hook] as Float32Array;

  it.each(HOOKS)('at %s do to the activations what they say', (hook) => {
    const clean = at(hook, []);
    const vector = Float32Array.from({ length: WIDTH }, (_, i) => i / 10);
    expect([...at(hook, [{ kind: 'zero', hook }])].every((value) => value === 0)).toBe(true);
    at(hook, [{ kind: 'scale', hook, factor: 0.5 }]).forEach((value, i) => expect(value).toBeCloseTo((clean[i] as number) / 2, 6));
    at(hook, [{ kind: 'add', hook, vector, strength: 2 }]).forEach((value, i) =>
      expect(value).toBeCloseTo((clean[i] as number) + 2 * (vector[i % WIDTH] as number), 5),
    );
    const values = clean.map((value) => value + 1);
    expect(at(hook, [{ kind: 'replace', hook, values }])).toEqual(values);
    const doubled = at(hook, [{ kind: 'map', hook, fn: (x, width) => x.map((v) => v * (width === WIDTH ? 2 : 0)) }]);
    doubled.forEach((value, i) => expect(value).toBeCloseTo((clean[i] as number) * 2, 5));
  });

  it('take the mean over real positions, or the vector given', () => {
    const hook = 'resid_post.1';
    const clean = at(hook, []);
    const real = [0, 1, 2, 3, 4, 5, 6, 7];
    const mean = Float64Array.from({ length: WIDTH }, (_, j) => real.reduce((sum, i) => sum + (clean[i * WIDTH + j] as number), 0) / real.length);
    at(hook, [{ kind: 'mean', hook }]).forEach((value, i) => expect(value).toBeCloseTo(mean[i % WIDTH] as number, 5));
    const vector = new Float32Array(WIDTH).fill(0.25);
    expect([...at(hook, [{ kind: 'mean', hook, vector }])].every((value) => value === 0.25)).toBe(true);
  });

  it('resample other real positions, the same ones for the same seed', () => {
    const hook = 'mlp_out.0';
    const clean = at(hook, []);
    const row = (values: Float32Array, i: number): string => values.slice(i * WIDTH, (i + 1) * WIDTH).join();
    const once = at(hook, [{ kind: 'resample', hook, seed: 4 }]);
    const pool = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => row(clean, i));
    for (let i = 0; i < 8; i++) {
      expect(pool).toContain(row(once, i));
      expect(row(once, i)).not.toBe(row(clean, i));
    }
    expect(at(hook, [{ kind: 'resample', hook, seed: 4 }])).toEqual(once);
    expect(at(hook, [{ kind: 'resample', hook, seed: 5 }])).not.toEqual(once);
  });

  it('touch only the positions of their mask', () => {
    const hook = 'resid_pre.2';
    const clean = at(hook, []);
    const where = Uint8Array.from([0, 1, 0, 0, 0, 0, 0, 1, 0, 0]);
    const got = at(hook, [{ kind: 'zero', hook, where }]);
    got.forEach((value, i) => expect(value).toBe(where[Math.floor(i / WIDTH)] === 1 ? 0 : clean[i]));
  });

  it('apply in the order given, and earlier hooks before later ones', () => {
    const vector = new Float32Array(WIDTH).fill(1);
    const got = at('resid_pre.1', [
      { kind: 'add', hook: 'resid_pre.1', vector },
      { kind: 'scale', hook: 'resid_pre.1', factor: 3 },
      { kind: 'zero', hook: 'resid_post.0' },
    ]);
    expect([...got].every((value) => value === 3)).toBe(true);
  });

  it('score the same as a forward pass with the edits', () => {
    const variants: Edit[][] = HOOKS.map((hook) => [{ kind: 'scale', hook, factor: 0.3 }]);
    variants.push([], [{ kind: 'zero', hook: 'attn_out.2' }, { kind: 'scale', hook: 'resid_post.2', factor: 2 }]);
    const scores = model.scoreEdits(rows, variants);
    expect([...scores.counted]).toEqual([1, 1, 1, 1, 1, 1, 0, 0]);
    variants.forEach((edits, i) => {
      const { crossEntropy, logits } = model.forward(rows, { edits, crossEntropy: true, logits: true });
      const { logits: cleanLogits } = model.forward(rows, { logits: true });
      const got = scores.variants[i];
      crossEntropy?.forEach((value, j) => expect(got?.crossEntropy[j]).toBeCloseTo(value, 5));
      for (let j = 0; j < 8; j++) {
        const position = Math.floor(j / 4) * 5 + (j % 4);
        const expected = scores.counted[j] === 1 ? kl(cleanLogits as Float32Array, logits as Float32Array, position) : 0;
        expect(got?.kl[j]).toBeCloseTo(expected, 5);
      }
    });
    expect([...(scores.variants[HOOKS.length]?.kl ?? [])].every((value) => value === 0)).toBe(true);
  });

  it('keep what a map function keeps, and leave nothing else', () => {
    let kept: tf.Tensor | undefined;
    const fn = (x: Float32Array): Float32Array => {
      kept ??= tf.ones([3]);
      return x;
    };
    const variants: Edit[][] = [[{ kind: 'map', hook: 'attn_out.1', fn }], [{ kind: 'mean', hook: 'resid_post.2' }]];
    model.scoreEdits(rows, variants);
    const before = tf.memory().numTensors;
    model.scoreEdits(rows, variants);
    model.forward(rows, { hooks: ['embed'], edits: [{ kind: 'resample', hook: 'embed', seed: 1 }] });
    expect(tf.memory().numTensors).toBe(before);
    expect(kept?.isDisposed).toBe(false);
    expect(() => model.forward(rows, { logits: true, edits: [{ kind: 'map', hook: 'mlp_out.0', fn: () => new Float32Array(1) }] })).toThrow(
      /wrong length/,
    );
    kept?.dispose();
  });

  it('refuse what does not fit', () => {
    const edit = (e: Edit) => () => model.forward(rows, { logits: true, edits: [e] });
    expect(edit({ kind: 'replace', hook: 'embed', values: new Float32Array(3) })).toThrow(/values has a wrong length.*320/);
    expect(edit({ kind: 'add', hook: 'embed', vector: new Float32Array(3) })).toThrow(/vector has a wrong length/);
    expect(edit({ kind: 'zero', hook: 'embed', where: new Uint8Array(3) })).toThrow(/where has a wrong length/);
    expect(edit({ kind: 'mean', hook: 'embed', where: new Uint8Array(10) })).toThrow(/no positions/);
    expect(edit({ kind: 'zero', hook: 'resid_mid.1' })).toThrow(/no hook "resid_mid.1"/);
  });
});

/** KL(p || q) at one position in float64. */
function kl(p: Float32Array, q: Float32Array, position: number): number {
  const logs = (values: Float32Array): number[] => {
    const v = values.length / 10;
    const row = [...values.subarray(position * v, (position + 1) * v)];
    const max = Math.max(...row);
    const log = max + Math.log(row.reduce((sum, x) => sum + Math.exp(x - max), 0));
    return row.map((x) => x - log);
  };
  const b = logs(q);
  return logs(p).reduce((sum, log, i) => sum + Math.exp(log) * (log - (b[i] as number)), 0);
}

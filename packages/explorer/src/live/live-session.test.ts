import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { memoryReport, useBackend } from '@salmon-sae/compute';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeRun, TEXT } from '../../test/make-run.js';
import { scratchFolders } from '../../test/scratch.js';
import { openRun } from '../run/open-run.js';
import { pick } from './continuation.js';
import { LiveSession } from './live-session.js';

const scratch = scratchFolders();
beforeAll(async () => void (await useBackend()));

describe('LiveSession', () => {
  it('reads a text, steers, and leaves no tensor behind', async () => {
    const run = await openRun(await makeRun(await scratch()));
    const before = memoryReport().tensors;
    const live = await LiveSession.open(run);
    const { tokens, sets } = live.encode('The patient had a fever.');
    expect(tokens.join('')).toBe('The patient had a fever.');
    expect(sets.map(({ set }) => set)).toEqual(run.sets.map(({ data }) => data.id));
    for (const { fired } of sets) {
      expect(fired).toHaveLength(tokens.length);
      for (const list of fired) expect(list.map(({ value }) => value)).toEqual(list.map(({ value }) => value).sort((a, b) => b - a));
    }
    expect(sets.some(({ fired }) => fired.some((list) => list.length > 0))).toBe(true);
    const request = { set: `sae-one@${TEXT}`, latent: 2, strength: 0, prompt: 'Question: What is', tokens: 6, temperature: 0, seed: 1 };
    const still = await live.steer(request);
    expect(still.steered).toBe(still.plain);
    const pushed = await live.steer({ ...request, strength: 15 });
    expect(pushed.plain).toBe(still.plain);
    expect(pushed.steered).not.toBe(pushed.plain);
    const drawn = [1, 1, 2].map((seed) => live.steer({ ...request, temperature: 1.5, seed, tokens: 12 }));
    const [a, b, c] = await Promise.all(drawn);
    expect(a?.plain).toBe(b?.plain);
    expect(a?.plain).not.toBe(c?.plain);
    await expect(live.steer({ ...request, latent: 4000 })).rejects.toThrow(/no such live latent/);
    expect(() => live.encode('')).toThrow(/no tokens/);
    live.dispose();
    expect(memoryReport().tensors).toBe(before);
  });

  it('frees what it had loaded when an SAE is missing', async () => {
    const folder = await makeRun(await scratch());
    await rm(join(folder, 'saes', 'sae-three'), { recursive: true });
    const run = await openRun(folder);
    const before = memoryReport().tensors;
    await expect(LiveSession.open(run)).rejects.toThrow(/sae-three/);
    expect(memoryReport().tensors).toBe(before);
  });
});

describe('pick', () => {
  it('is greedy at temperature 0, and draws from the softmax otherwise', () => {
    const logits = Float32Array.from([0, Math.log(3), -Infinity]);
    expect(pick(logits, 0, 0.99)).toBe(1);
    expect([0.1, 0.24, 0.26, 0.99].map((at) => pick(logits, 1, at))).toEqual([0, 0, 1, 1]);
  });
});

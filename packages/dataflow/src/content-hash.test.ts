import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, contentHash, hashFile } from './content-hash.js';

describe('contentHash', () => {
  it('is SHA-256 of JSON with sorted keys', () => {
    expect(canonicalJson({ b: [1, 'x', null], a: { d: true, c: 0.5 }, left: undefined })).toBe('{"a":{"c":0.5,"d":true},"b":[1,"x",null]}');
    expect(contentHash({ a: 1 })).toBe(createHash('sha256').update('{"a":1}').digest('hex'));
  });

  it('depends on the value, not on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const clean = JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
        const turned = Object.fromEntries(Object.entries(clean).reverse());
        expect(contentHash(turned)).toBe(contentHash(clean));
        expect(JSON.parse(canonicalJson(clean))).toEqual(clean);
      }),
      { seed: 1, numRuns: 100 },
    );
    expect(contentHash([1, 2])).not.toBe(contentHash([2, 1]));
  });

  it('refuses what JSON cannot say and names the place', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    for (const bad of [{ a: [NaN] }, { a: [() => 1] }, { a: [new Map()] }, { a: [1n] }, { a: [undefined] }]) {
      expect(() => contentHash(bad)).toThrow(expect.objectContaining({ code: 'bad-config', message: expect.stringContaining('$.a[0]') as string }));
    }
    expect(() => contentHash(cycle)).toThrow(expect.objectContaining({ code: 'bad-config' }));
    const twice = { x: 1 };
    expect(contentHash({ a: twice, b: twice })).toBe(contentHash({ a: { x: 1 }, b: { x: 1 } }));
  });
});

describe('hashFile', () => {
  it('hashes the bytes of a file, and names a missing one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hash-'));
    const bytes = Buffer.alloc(300_000, 7);
    await writeFile(join(folder, 'a'), bytes);
    expect(await hashFile(join(folder, 'a'))).toBe(createHash('sha256').update(bytes).digest('hex'));
    await expect(hashFile(join(folder, 'none'))).rejects.toMatchObject({ code: 'missing-file' });
    await rm(folder, { recursive: true });
  });
});

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSalmonError } from '@salmon-sae/dataflow';
import type { SaeState } from '@salmon-sae/dataflow';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkState } from '../inference/check-state.js';
import { loadSae } from './load-sae.js';
import { unpickle } from './unpickle.js';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures');
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fuzz-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Edit {
  /** Where, as a share of the range that is edited. */
  readonly at: number;
  readonly remove: number;
  readonly insert: readonly number[];
}

const bytes = fc.oneof(
  fc.array(fc.nat({ max: 255 }), { maxLength: 4 }),
  fc.constantFrom(...['0', '9', '-1', '1e99', ',', '"', '{', '}', '[', 'null', 'true', 'F16', '\0', '..', '/'].map((text) => [...Buffer.from(text)])),
);
const edit: fc.Arbitrary<Edit> = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), remove: fc.nat({ max: 4 }), insert: bytes });
const edits = fc.array(edit, { minLength: 1, maxLength: 3 });

function apply(original: Uint8Array, changes: readonly Edit[], range: number): Buffer {
  return changes.reduce((now, { at, remove, insert }) => {
    const from = Math.min(now.length, Math.floor(at * Math.min(range, now.length)));
    return Buffer.concat([now.subarray(0, from), Buffer.from(insert), now.subarray(from + remove)]);
  }, Buffer.from(original));
}

/** Loads: undefined when refused in the proper way; whatever loads must be a state that could be run. */
async function attempt(path: string): Promise<SaeState | undefined> {
  try {
    const state = await loadSae(path);
    checkState(state);
    return state;
  } catch (error) {
    if (!isSalmonError(error)) throw error;
    return undefined;
  }
}

function sameWeights(a: SaeState, b: SaeState): boolean {
  const names = Object.keys(b.weights);
  return (
    Object.keys(a.weights).length === names.length &&
    names.every((name) => {
      const [first, second] = [a.weights[name]?.data, b.weights[name]?.data];
      return first !== undefined && second !== undefined && Buffer.from(first.buffer).equals(Buffer.from(second.buffer));
    })
  );
}

interface Target {
  readonly fixture: string;
  readonly file: string;
  /** Bytes from the start that are edited; default: all. */
  readonly range?: number;
  /** The container has checksums, so what loads must have the original's numbers. */
  readonly checked?: boolean;
  readonly runs: number;
}

const targets: readonly Target[] = [
  { fixture: 'infer_jumprelu', file: 'cfg.json', runs: 1500 },
  { fixture: 'infer_temporal', file: 'cfg.json', runs: 1000 },
  { fixture: 'infer_legacy_v5_topk', file: 'cfg.json', runs: 1000 },
  { fixture: 'infer_jumprelu', file: 'sae_weights.safetensors', range: 420, runs: 2000 },
  { fixture: 'gemmascope_npz', file: 'params.npz', checked: true, runs: 1500 },
  { fixture: 'gemmascope2_safetensors', file: 'params.safetensors', range: 420, runs: 1500 },
  { fixture: 'sparsify_topk', file: 'cfg.json', runs: 1000 },
  { fixture: 'sparsify_skip_transcode', file: 'sae.safetensors', range: 420, runs: 1000 },
  { fixture: 'dl_batchtopk', file: 'ae.pt', checked: true, runs: 1500 },
  { fixture: 'dl_topk', file: 'config.json', runs: 1000 },
];

describe('mutated files are refused or load soundly', () => {
  it.each(targets)('$fixture/$file', async ({ fixture, file, range, checked, runs }) => {
    const copy = join(folder, fixture);
    await cp(join(FIXTURES, fixture), copy, { recursive: true });
    const original = await readFile(join(copy, file));
    const expected = await loadSae(copy);
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(edits, async (changes) => {
        await writeFile(join(copy, file), apply(original, changes, range ?? original.length));
        const state = await attempt(copy);
        if (state === undefined) refused += 1;
        else if (checked === true) expect(sameWeights(state, expected)).toBe(true);
      }),
      { numRuns: runs, seed: 21 },
    );
    expect(refused).toBeGreaterThan(runs / 10);
    await writeFile(join(copy, file), original);
  });

  it.each([
    ['gemmascope_npz', 'params.npz'],
    ['dl_jumprelu', 'ae.pt'],
  ])('single bytes of %s/%s, the directory above all', async (fixture, file) => {
    const copy = join(folder, `${fixture}-bytes`);
    await cp(join(FIXTURES, fixture), copy, { recursive: true });
    const original = await readFile(join(copy, file));
    const expected = await loadSae(copy);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 1400 }), fc.nat({ max: 255 }), async (fromEnd, byte) => {
        const changed = Buffer.from(original);
        changed[Math.max(0, original.length - 1 - fromEnd)] = byte;
        await writeFile(join(copy, file), changed);
        const state = await attempt(copy);
        if (state !== undefined) expect(sameWeights(state, expected)).toBe(true);
      }),
      { numRuns: 800, seed: 22 },
    );
  });
});

describe('pickles', () => {
  it('mutated ones never do anything but refuse or describe tensors', async () => {
    const archive = await readFile(join(FIXTURES, 'dl_batchtopk/ae.pt'));
    const start = archive.indexOf(Buffer.from([0x80, 0x02, 0x63]));
    const pickle = archive.subarray(start, start + 612);
    expect(unpickle(pickle, 'fixture')).toBeInstanceOf(Map);
    fc.assert(
      fc.property(edits, (changes) => {
        try {
          unpickle(apply(pickle, changes, pickle.length), 'mutated');
        } catch (error) {
          if (!isSalmonError(error)) throw error;
        }
      }),
      { numRuns: 5000, seed: 23 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (random) => {
        try {
          unpickle(random, 'random');
        } catch (error) {
          if (!isSalmonError(error)) throw error;
        }
      }),
      { numRuns: 5000, seed: 24 },
    );
  });

  it('mutated ones inside a sound archive never load other shapes than the config says', async () => {
    const copy = join(folder, 'pickle');
    await cp(join(FIXTURES, 'dl_jumprelu'), copy, { recursive: true });
    const state = await loadSae(copy);
    const archive = await readFile(join(copy, 'ae.pt'));
    const { unzipSync } = await import('fflate');
    const members = unzipSync(archive);
    const name = Object.keys(members).find((member) => member.endsWith('data.pkl')) as string;
    await fc.assert(
      fc.asyncProperty(edits, async (changes) => {
        const pickle = members[name] as Uint8Array;
        await writeFile(join(copy, 'ae.pt'), zipSync({ ...members, [name]: apply(pickle, changes, pickle.length) }, { level: 0 }));
        const loaded = await attempt(copy);
        if (loaded !== undefined) for (const [key, { shape }] of Object.entries(state.weights)) expect(loaded.weights[key]?.shape).toEqual(shape);
      }),
      { numRuns: 1000, seed: 25 },
    );
  });
});

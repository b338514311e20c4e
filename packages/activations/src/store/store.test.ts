import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { useBackend } from '@salmon-sae/compute';
import { Pace, fromPull, random, rebatch, run } from '@salmon-sae/dataflow';
import type { ActivationBatch, LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import { lastValueFrom, take, toArray } from 'rxjs';
import type { Observable } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { harvest } from '../harvest/harvest.js';
import { positions } from '../harvest/positions.js';
import { loadLanguageModel } from '../model/load-language-model.js';
import { openStore, readStore } from './read-store.js';
import { shuffledStore } from './shuffled-store.js';
import type { ShuffleQuality } from './shuffle-quality.js';
import { writeStore } from './write-store.js';
import type { StoreProgress, WriteStoreOptions } from './write-store.js';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures');
const CONTEXT = 20;
const HOOK = 'resid_post.2';

function tokenBatch(index: number): TokenBatch {
  const rows = 2;
  const draw = random(index, 'store-test');
  const size = rows * CONTEXT;
  const doc = Int32Array.from({ length: size }, (_, i) => Math.floor(i / CONTEXT));
  return {
    rows,
    context: CONTEXT,
    ids: Int32Array.from({ length: size }, (_, i) => (i % CONTEXT === 0 ? 2 : 3 + draw.below(250))),
    mask: Uint8Array.from({ length: size }, (_, i) => (i === size - 1 ? 0 : 1)),
    special: Uint8Array.from({ length: size }, (_, i) => (i % CONTEXT === 0 ? 1 : 0)),
    doc,
    docs: [`doc-${2 * index}`, `doc-${2 * index + 1}`],
    domains: ['medical', 'broad'],
    cursor: { source: 'test', shard: 0, row: index + 1 },
  };
}

function tokens(count: number, pace: Pace): Observable<TokenBatch> {
  return fromPull(() => Array.from({ length: count }, (_, i) => tokenBatch(i)), pace);
}

describe('the activation store', () => {
  let model: LanguageModel;
  let other: LanguageModel;
  let root: string;

  beforeAll(async () => {
    await useBackend();
    model = await loadLanguageModel(join(FIXTURES, 'lm/gemma2'));
    other = await loadLanguageModel(join(FIXTURES, 'lm/llama'));
  });
  afterAll(() => {
    model.dispose();
    other.dispose();
  });
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'store-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const options = (more: Partial<WriteStoreOptions> = {}): WriteStoreOptions => ({
    root,
    data: { text: 'test' },
    context: CONTEXT,
    hooks: [HOOK],
    tokensPerShard: 100,
    ...more,
  });

  async function write(more: Partial<WriteStoreOptions> = {}, count = 10): Promise<StoreProgress> {
    const pace = new Pace(2);
    return lastValueFrom(tokens(count, pace).pipe(writeStore(model, options({ ...more, pace }))));
  }

  const collect = (batches: Observable<ActivationBatch>): Promise<ActivationBatch[]> => lastValueFrom(batches.pipe(toArray()));

  it('gives back what a live harvest gives, bit for bit', async () => {
    const done = await write();
    expect(done).toMatchObject({ complete: true, shards: 4, tokens: 390, batches: 10, skipped: 0, seen: 370 });
    const pace = new Pace(2);
    const live = await collect(tokens(10, pace).pipe(harvest(model, { hook: HOOK }), rebatch(64)));
    const stored = await collect(readStore(done.folder, { hook: HOOK, model: model.info }).pipe(rebatch(64)));
    expect(stored.length).toBe(live.length);
    stored.forEach((batch, i) => {
      const same = live[i] as ActivationBatch;
      expect(batch.values).toEqual(same.values);
      expect(batch.origin).toEqual(same.origin);
      expect(batch.site).toEqual(same.site);
    });
    const manifest = await openStore(done.folder);
    expect(manifest.shards.map((shard) => shard.files[0]?.rows)).toEqual([111, 111, 111, 37]);
    const dropped = manifest.shards.flatMap((shard) => shard.filtered.map((f) => f.dropped));
    expect(dropped.reduce((a, b) => a + b)).toBe(20);
  });

  it('can be read by DuckDB', async () => {
    const { folder } = await write({ hooks: [HOOK, 'embed'] });
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const reader = await connection.runAndReadAll(
      `select domain, count(*)::int as n, min(octet_length(activation))::int as bytes
       from read_parquet('${folder}/embed/*.parquet') group by domain order by domain`,
    );
    expect(reader.getRowObjects()).toEqual([
      { domain: 'broad', n: 180, bytes: 128 },
      { domain: 'medical', n: 190, bytes: 128 },
    ]);
    connection.closeSync();
  });

  it.each(['f16', 'bf16'] as const)('stores %s', async (element) => {
    const exact = await write();
    const small = await write({ element });
    expect(small.folder).not.toBe(exact.folder);
    const [a] = await collect(readStore(exact.folder));
    const [b] = await collect(readStore(small.folder));
    const tolerance = element === 'f16' ? 2 ** -11 : 2 ** -8;
    b?.values.forEach((value, i) => {
      const wanted = a?.values[i] as number;
      expect(Math.abs(value - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * tolerance + 1e-7);
    });
  });

  it('resumes after an interruption without running the model on finished shards', async () => {
    const pace = new Pace(1);
    const last = await lastValueFrom(tokens(10, pace).pipe(writeStore(model, options({ pace })), take(5)));
    expect(last).toMatchObject({ shards: 1, complete: false });
    await expect(collect(readStore(last.folder))).rejects.toThrow(/has not come to its end/);
    let runs = 0;
    const counting: LanguageModel = Object.create(model, {
      forward: {
        value: (...args: Parameters<LanguageModel['forward']>) => {
          runs++;
          return model.forward(...args);
        },
      },
    });
    const pace2 = new Pace(1);
    const done = await lastValueFrom(tokens(10, pace2).pipe(writeStore(counting, options({ pace: pace2 }))));
    expect(done).toMatchObject({ folder: last.folder, complete: true, skipped: 3, shards: 4 });
    expect(runs).toBe(7);
    const fresh = await mkdtemp(join(tmpdir(), 'store-'));
    const whole = await write({ root: fresh });
    const [a, b] = await Promise.all([openStore(done.folder), openStore(whole.folder)]);
    expect(a).toEqual(b);
    await rm(fresh, { recursive: true });
    expect((await readdir(join(done.folder, HOOK))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    const again = await write();
    expect(again).toMatchObject({ complete: true, batches: 1 });
  });

  it('finds damaged shards, and harvests them again', async () => {
    const { folder } = await write();
    const path = join(folder, HOOK, 'shard-000001.parquet');
    const bytes = await readFile(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    await writeFile(path, bytes);
    await expect(collect(readStore(folder))).rejects.toThrow(/damaged or changed.*shard-000001/);
    const mended = await write();
    expect(mended).toMatchObject({ complete: true, shards: 4, skipped: 3 });
    expect((await collect(readStore(folder))).reduce((sum, batch) => sum + batch.rows, 0)).toBe(370);
  });

  it('refuses a store of another model or another version, and says why', async () => {
    const { folder } = await write();
    await expect(openStore(folder, { model: other.info })).rejects.toThrow(/Another model made this.*gemma2/);
    const path = join(folder, 'store.json');
    const json = await readFile(path, 'utf8');
    await writeFile(path, json.replace('"version": 1', '"version": 2'));
    await expect(openStore(folder)).rejects.toThrow(/another version.*version 2/);
    await writeFile(path, json.replace('"context": 20', '"context": 21'));
    await expect(openStore(folder)).rejects.toThrow(/changed after the fact/);
    await writeFile(path, json.replace(/resid_post.2\/shard-000000/, '../../shard-000000'));
    await expect(openStore(folder)).rejects.toThrow(/not the manifest/);
    await expect(openStore(root)).rejects.toThrow(/no activation store here/);
  });

  it('names the folder after everything that determines its content', async () => {
    const base = await write();
    const folders = new Set([base.folder]);
    for (const change of [
      { data: { text: 'other' } },
      { hooks: ['embed'] },
      { specials: 'include' as const },
      { filters: [positions({ from: 2 })] },
      { context: CONTEXT + 1 },
    ]) {
      folders.add((await write(change, 1)).folder);
    }
    expect(folders.size).toBe(6);
  });

  it('goes on from a position exactly', async () => {
    const { folder } = await write();
    const whole = await collect(readStore(folder, { seed: 3 }));
    const first = whole[1] as ActivationBatch;
    const rest = await collect(readStore(folder, { seed: 3, from: first.cursor }));
    expect(rest.map((b) => b.values)).toEqual(whole.slice(2).map((b) => b.values));
    await expect(collect(readStore(folder, { seed: 4, from: first.cursor }))).rejects.toThrow(/another reading/);
  });

  it('shuffles with a seed, reports how well, and resumes', async () => {
    const { folder } = await write();
    const quality: ShuffleQuality[] = [];
    const shuffled = { seed: 7, reservoir: 200, batch: 50 };
    const mixed = await collect(shuffledStore(folder, { ...shuffled, onQuality: (q) => quality.push(q) }));
    const again = await collect(shuffledStore(folder, shuffled));
    expect(again.map((b) => b.values)).toEqual(mixed.map((b) => b.values));
    const rest = await collect(shuffledStore(folder, { ...shuffled, emitted: 100 }));
    expect(rest.map((b) => b.values)).toEqual(mixed.slice(2).map((b) => b.values));
    const sum = (batches: readonly ActivationBatch[]): number => batches.reduce((s, b) => s + b.values.reduce((x, y) => x + y, 0), 0);
    const inOrder = await collect(readStore(folder));
    expect(sum(mixed)).toBeCloseTo(sum(inOrder), 3);
    expect(quality.length).toBe(mixed.length);
    // In order, 50 rows come from at most 4 documents (2 bits); mixed, from many more.
    for (const q of quality.filter(({ rows }) => rows === 50)) {
      expect(q.entropy).toBeGreaterThan(2.5);
      expect(q.evenness).toBeGreaterThan(0.8);
      expect(q.evenness).toBeLessThanOrEqual(1);
    }
  });

  it('writes nothing for an empty stream', async () => {
    await expect(write({}, 0)).rejects.toThrow(/no tokens to harvest/);
    expect(await readdir(root)).toEqual([]);
  });

  it('keeps finished shards valid when the disk fills up', async () => {
    const script = join(import.meta.dirname, '../../test/full-disk.mts');
    const node = [process.execPath, '--conditions=@salmon-sae/source', `--import=${join(import.meta.dirname, '../../../../tools/ts-node-loader.mjs')}`];
    // A file size limit stands for the full disk: the shard of the large batch does not fit under it.
    const command = `ulimit -f 64; exec ${[...node, script, root].map((part) => `'${part}'`).join(' ')}`;
    const env = { ...process.env, TS_NODE_TRANSPILE_ONLY: 'true', TS_NODE_PROJECT: join(import.meta.dirname, '../../../../tools/tsconfig.json') };
    const { stdout } = await promisify(execFile)('bash', ['-c', command], { env });
    const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { code: string; folder: string };
    expect(result.code).toBe('no-space');
    const manifest = await openStore(result.folder, { partial: true });
    expect(manifest.shards.length).toBe(2);
    expect((await collect(readStore(result.folder, { partial: true }))).reduce((sum, b) => sum + b.rows, 0)).toBe(8);
    const files = await readdir(join(result.folder, 'resid_post.0'));
    expect(files.sort()).toEqual(['shard-000000.parquet', 'shard-000001.parquet']);
  });

  it('frees its files when it is cancelled', async () => {
    const stop = new AbortController();
    const pace = new Pace(1);
    const seen: StoreProgress[] = [];
    const running = run(tokens(10, pace).pipe(writeStore(model, options({ pace }))), {
      signal: stop.signal,
      onEvent: (progress) => {
        seen.push(progress);
        if (seen.length === 4) stop.abort();
      },
    });
    await expect(running).rejects.toThrow(/cancelled/);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const folder = seen[0]?.folder ?? '';
    expect(await readdir(join(folder, HOOK))).toEqual(['shard-000000.parquet']);
  });
});

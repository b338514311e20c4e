import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from './run-command.js';
import type { SetupProgress } from './setup-progress.js';
import { withSetupLock } from './setup-lock.js';
import { cachedLibrary, givenWheel, usualArchive, wantedFromWheel } from './sources.js';
import { stageFolder } from './staging.js';
import { ensureEngine, standingEngine } from './ensure-engine.js';

let folder: string;
let wheel: Buffer;

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'salmon-setup-'));
  wheel = Buffer.from(
    zipSync({
      'tensorflow/libtensorflow_cc.so.2': new Uint8Array(300_000).map((_, i) => (i * i) % 251),
      'tensorflow/libtensorflow_framework.so.2': text('framework'),
      'tensorflow/include/tensorflow/c/c_api.h': text('/* header */'),
      'tensorflow/include/absl/strings/string_view.h': text('not needed'),
      'tensorflow/python/__init__.py': text('not needed'),
      'tensorflow_cpu-1.dist-info/METADATA': text('not needed'),
    }),
  );
  await writeFile(path.join(folder, 'fake.whl'), wheel);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function serve<T>(body: Buffer, options: { readonly cut?: number; readonly status?: number; readonly stall?: boolean }, use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((_, response) => {
    response.writeHead(options.status ?? 200, { 'content-length': body.length });
    response.write(body.subarray(0, options.cut ?? body.length));
    if (options.stall === true) return;
    if (options.cut === undefined) response.end();
    else setTimeout(() => response.destroy(), 20);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/tensorflow.whl`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

async function freshCache(): Promise<string> {
  const cache = await mkdtemp(path.join(folder, 'cache-'));
  await mkdir(path.join(cache, 'libtensorflow'));
  return path.join(cache, 'libtensorflow');
}

describe('a wheel', () => {
  it('is fetched, checked, and unpacked to what is needed; the cache then has it', async () => {
    const cache = await freshCache();
    const seen: SetupProgress[] = [];
    const found = await serve(wheel, {}, (at) => givenWheel({ at, version: '9.9.9', sha256: sha256(wheel) }).find({ folder: cache, onProgress: (p) => seen.push(p) }));
    expect(found).toMatchObject({ version: '9.9.9', libraryBytes: 300_000, library: path.join(cache, '9.9.9/tensorflow/libtensorflow_cc.so.2') });
    expect((await readdir(path.join(cache, '9.9.9'))).sort()).toEqual(['salmon.json', 'tensorflow']);
    expect(await readdir(path.join(cache, '9.9.9/tensorflow/include'))).toEqual(['tensorflow']);
    expect(seen.some((p) => p.stage.startsWith('downloading') && p.total === wheel.length && p.done === wheel.length)).toBe(true);
    expect(seen.some((p) => p.stage.startsWith('unpacking'))).toBe(true);
    expect(await cachedLibrary('9.9.9').find({ folder: cache })).toEqual(found);
  });

  it('is used from a file', async () => {
    const cache = await freshCache();
    expect(await givenWheel({ at: path.join(folder, 'fake.whl'), version: '9.9.9' }).find({ folder: cache })).toBeDefined();
    expect((await stat(path.join(folder, 'fake.whl'))).size).toBe(wheel.length);
  });

  it.each<[string, { readonly cut?: number; readonly status?: number; readonly stall?: boolean }, RegExp]>([
    ['a download that breaks off', { cut: 1000 }, /download failed/],
    ['a download that stalls', { cut: 1000, stall: true }, /download failed/],
    ['a server error', { status: 503 }, /HTTP status 503/],
  ])('%s leaves nothing behind', async (_, options, message) => {
    const cache = await freshCache();
    const attempt = serve(wheel, options, async (at) => {
      if (options.stall === true) return usualArchive({ url: at, stallMs: 200 }).find({ folder: cache });
      return givenWheel({ at, version: '9.9.9' }).find({ folder: cache });
    });
    await expect(attempt).rejects.toThrow(message);
    expect(await readdir(cache)).toEqual([]);
    expect(await cachedLibrary('9.9.9').find({ folder: cache })).toBeUndefined();
  });

  it('with the wrong hash is refused', async () => {
    const cache = await freshCache();
    const attempt = serve(wheel, {}, (at) => givenWheel({ at, version: '9.9.9', sha256: sha256(Buffer.from('other')) }).find({ folder: cache }));
    await expect(attempt).rejects.toThrow(/not the expected one.*sha256/s);
    expect(await readdir(cache)).toEqual([]);
  });

  it('that is cut short, or is no wheel, is refused', async () => {
    const cache = await freshCache();
    const cut = path.join(folder, 'cut.whl');
    await writeFile(cut, wheel.subarray(0, wheel.length - 40));
    await expect(givenWheel({ at: cut, version: '9.9.9' }).find({ folder: cache })).rejects.toThrow(/not a whole zip/);
    await writeFile(cut, zipSync({ 'tensorflow/libtensorflow_cc.so.2': text('alone') }));
    await expect(givenWheel({ at: cut, version: '9.9.9' }).find({ folder: cache })).rejects.toThrow(/lacks the native libraries/);
    expect(await readdir(cache)).toEqual([]);
  });
});

describe('the cache', () => {
  it('does not trust a library whose size has changed', async () => {
    const cache = await freshCache();
    const source = givenWheel({ at: path.join(folder, 'fake.whl'), version: '9.9.9' });
    const found = await source.find({ folder: cache });
    await truncate(found?.library ?? '', 1000);
    expect(await cachedLibrary('9.9.9').find({ folder: cache })).toBeUndefined();
    expect(await source.find({ folder: cache })).toMatchObject({ libraryBytes: 300_000 });
  });

  it('does not trust a folder without a description, unless it is the pinned wheel to the byte', async () => {
    const cache = await freshCache();
    await givenWheel({ at: path.join(folder, 'fake.whl'), version: '9.9.9' }).find({ folder: cache });
    await rm(path.join(cache, '9.9.9/salmon.json'));
    expect(await cachedLibrary('9.9.9').find({ folder: cache })).toBeUndefined();
  });

  it('keeps the old folder when filling a new one fails', async () => {
    const target = path.join(await freshCache(), 'thing');
    await stageFolder(target, (staging) => writeFile(path.join(staging, 'a'), 'whole'));
    await expect(stageFolder(target, () => Promise.reject(new Error('killed')))).rejects.toThrow('killed');
    expect(await readFile(path.join(target, 'a'), 'utf8')).toBe('whole');
    expect(await readdir(path.dirname(target))).toEqual(['thing']);
  });
});

it('an archive in the layout of TensorFlow\'s C release is unpacked with tar', async () => {
  const cache = await freshCache();
  const tree = path.join(folder, 'release');
  for (const [name, content] of [['lib/libtensorflow.so.2', 'cc'], ['lib/libtensorflow_framework.so.2', 'framework'], ['include/tensorflow/c/c_api.h', 'h']] as const) {
    await mkdir(path.dirname(path.join(tree, name)), { recursive: true });
    await writeFile(path.join(tree, name), content);
  }
  const archive = path.join(folder, 'release.tar.gz');
  expect((await runCommand('tar', ['-czf', archive, '-C', tree, '.'])).status).toBe(0);
  const found = await serve(await readFile(archive), {}, (url) => usualArchive({ url }).find({ folder: cache }));
  expect(found).toMatchObject({ libraryBytes: 2, frameworkBytes: 9 });
  await expect(serve(Buffer.from('no archive'), {}, (url) => usualArchive({ url }).find({ folder: cache }))).rejects.toThrow(/damaged/);
});

it('set-ups that start at once run one after another', async () => {
  const cache = path.dirname(await freshCache());
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    inside++;
    most = Math.max(most, inside);
    await new Promise((resolve) => setTimeout(resolve, 30));
    inside--;
  };
  const waits: SetupProgress[] = [];
  await Promise.all([1, 2, 3].map(() => withSetupLock(cache, work, (p) => waits.push(p))));
  expect(most).toBe(1);
  expect(waits.length).toBeGreaterThan(0);
  await expect(withSetupLock(cache, () => Promise.reject(new Error('failed inside')))).rejects.toThrow('failed inside');
  await withSetupLock(cache, work);
});

it('takes only the libraries and the C headers from a wheel', () => {
  expect(wantedFromWheel('tensorflow/libtensorflow_cc.so.2')).toBe(true);
  expect(wantedFromWheel('tensorflow/include/xla/tsl/c/tsl_status.h')).toBe(true);
  expect(wantedFromWheel('tensorflow/python/_pywrap_tensorflow_internal.so')).toBe(false);
  expect(wantedFromWheel('tensorflow/include/external/eigen/Eigen/Core.h')).toBe(false);
});

describe('ensureEngine', () => {
  it('names every way that was tried when none works', async () => {
    const cache = path.dirname(await freshCache());
    const sources = [cachedLibrary('9.9.9'), { name: 'a broken way', find: () => Promise.reject(new Error('no route')) }];
    await expect(ensureEngine({ cache, engine: folder, sources })).rejects.toThrow(/the cache folder: none.*a broken way: no route.*doctor --fix/s);
  });

  it('says what the compiler says, and leaves nothing that passes for a build', async () => {
    const cache = path.dirname(await freshCache());
    const engine = path.join(folder, 'engine');
    await mkdir(path.join(engine, 'binding'), { recursive: true });
    await writeFile(path.join(engine, 'package.json'), '{"version": "1.0.0"}');
    const before = process.env['CXX'];
    const sources = [givenWheel({ at: path.join(folder, 'fake.whl'), version: '9.9.9' })];
    try {
      process.env['CXX'] = 'no-such-compiler';
      await expect(ensureEngine({ cache, engine, sources })).rejects.toThrow(/no-such-compiler is not installed.*Install g\+\+/s);
      process.env['CXX'] = 'false';
      await expect(ensureEngine({ cache, engine, sources })).rejects.toThrow(/false ended with status 1/);
    } finally {
      if (before === undefined) delete process.env['CXX'];
      else process.env['CXX'] = before;
    }
    expect((await readdir(path.join(cache, 'addons'))).filter((name) => !name.startsWith('.'))).toEqual([]);
    expect(await standingEngine(cache, engine)).toBeUndefined();
  });

  it('links a fresh package folder to the modules compiled before, in no time', async () => {
    const standing = await ensureEngine();
    const engine = path.join(folder, 'copy-of-engine');
    await mkdir(engine);
    await cp(path.join(standing.engine, 'package.json'), path.join(engine, 'package.json'));
    const linked = await ensureEngine({ engine });
    expect(linked.addon).toBe(standing.addon);
    expect((await stat(path.join(engine, 'lib/napi-v8/tfjs_binding.node'))).size).toBe((await stat(standing.addon)).size);
  });
});

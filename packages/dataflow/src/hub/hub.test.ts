import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Progress } from '../progress.js';
import { encodeSafetensors, openSafetensors } from '../safetensors/index.js';
import { openRemoteFile, parseHubSpec, resolveSource } from './index.js';
import type { ResolveOptions } from './index.js';

const COMMIT = 'a'.repeat(40);
const CONFIG = Buffer.from('{"model_type":"tiny"}');
const WEIGHTS = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * 31) & 255));
const FILES: Record<string, Buffer> = {
  'config.json': CONFIG,
  'model.safetensors': WEIGHTS,
  'README.md': Buffer.from('not wanted'),
  'layer_20/cfg.json': Buffer.from('{}'),
};

/** One answer of the hub to a file request; by default the file, or the part of it that is asked for. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

describe('the hub', () => {
  let server: Server;
  let cacheDir: string;
  let hubUrl: string;
  let answers: Answer[];
  let requests: { url: string; range: string | undefined; authorization: string | undefined }[];
  let saved: NodeJS.ProcessEnv;

  beforeEach(async () => {
    saved = { ...process.env };
    for (const name of ['HF_TOKEN', 'HF_ENDPOINT', 'HF_HUB_OFFLINE', 'HF_HUB_CACHE', 'HF_HOME']) delete process.env[name];
    cacheDir = await mkdtemp(join(tmpdir(), 'hub-'));
    answers = [];
    requests = [];
    server = createServer((request, response) => {
      const url = request.url ?? '';
      requests.push({ url, range: request.headers.range, authorization: request.headers.authorization });
      const next = answers.shift();
      if (next !== undefined) next(request, response);
      else serve(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    hubUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    process.env = saved;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(cacheDir, { recursive: true, force: true });
  });

  const options = (more: ResolveOptions = {}): ResolveOptions => ({ hubUrl, cacheDir, retry: { waitMs: 1, attempts: 3 }, ...more });
  const get = (source: string, more: ResolveOptions = {}): Promise<string> => resolveSource(source, options(more));
  const status =
    (code: number, headers: Record<string, string> = {}): Answer =>
    (_, response) => response.writeHead(code, { 'content-type': 'application/json', ...headers }).end('{"error":"as asked"}');
  const pass: Answer = (request, response) => serve(request, response);

  function serve(request: IncomingMessage, response: ServerResponse, files = FILES): void {
    const url = decodeURIComponent(request.url ?? '');
    if (url.startsWith('/api/models/org/tiny/revision/')) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ _id: '1', id: 'org/tiny', sha: COMMIT, lastModified: 0 }));
    } else if (url.startsWith(`/api/models/org/tiny/tree/${COMMIT}`)) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(Object.entries(FILES).map(([path, data]) => listed(path, data))));
    } else if (url.startsWith(`/org/tiny/resolve/`)) {
      const data = files[url.split('/').slice(5).join('/')] as Buffer;
      const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
      if (range === null) {
        response.writeHead(200, { 'content-length': data.length }).end(data);
        return;
      }
      const from = Number(range[1]);
      const to = range[2] === '' ? data.length : Math.min(data.length, Number(range[2]) + 1);
      response.writeHead(206, { 'content-range': `bytes ${from}-${to - 1}/${data.length}` }).end(data.subarray(from, to));
    } else {
      status(404)(request, response);
    }
  }

  function listed(path: string, data: Buffer): object {
    const oid = createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex');
    if (!path.endsWith('.safetensors')) return { type: 'file', path, size: data.length, oid };
    return { type: 'file', path, size: 130, oid, lfs: { oid: createHash('sha256').update(data).digest('hex'), size: data.length, pointerSize: 130 } };
  }

  it('leaves local paths alone', async () => {
    expect(await get('/some/folder')).toBe('/some/folder');
    expect(requests).toEqual([]);
  });

  it('reads every form of a name', () => {
    expect(parseHubSpec('hf:org/tiny')).toEqual({ type: 'model', name: 'org/tiny', revision: 'main', path: '' });
    expect(parseHubSpec('hf:org/tiny@v1.0/a/b/')).toEqual({ type: 'model', name: 'org/tiny', revision: 'v1.0', path: 'a/b' });
    expect(parseHubSpec('hf:datasets/org/d@refs%2Fpr%2F1')).toMatchObject({ type: 'dataset', name: 'org/d', revision: 'refs/pr/1' });
    for (const bad of ['hf:tiny', 'hf:org/tiny/../../x', 'hf:org/tiny@..%2Fx', 'hf:org/tiny@%zz', 'hf:']) expect(() => parseHubSpec(bad)).toThrow(/not the name/);
  });

  it('downloads the files of a model into the usual layout, once', async () => {
    const progress: Progress[] = [];
    const folder = await get('hf:org/tiny', { onProgress: (p) => progress.push(p), token: 'secret' });
    expect(folder).toBe(join(cacheDir, 'models--org--tiny/snapshots', COMMIT));
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.safetensors']);
    expect(await readFile(join(folder, 'model.safetensors'))).toEqual(WEIGHTS);
    expect(await readlink(join(folder, 'config.json'))).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/);
    expect(await readFile(join(cacheDir, 'models--org--tiny/refs/main'), 'utf8')).toBe(COMMIT);
    expect(requests.every((r) => r.authorization === 'Bearer secret')).toBe(true);
    const total = CONFIG.length + WEIGHTS.length;
    expect(progress.at(-1)).toEqual({ stage: 'download org/tiny', done: total, total, unit: 'bytes' });
    const before = requests.length;
    expect(await get('hf:org/tiny')).toBe(folder);
    expect(requests.slice(before).every((r) => r.url.startsWith('/api/'))).toBe(true);
  });

  it('downloads shards side by side, equal ones once, and reports every byte; a failure stops the others', async () => {
    const shards = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`layer_20/${i}.safetensors`, Buffer.alloc(40_000, i % 6)]));
    Object.assign(FILES, shards);
    try {
      let open = 0;
      let most = 0;
      const slow: Answer = (request, response) => {
        if (!(request.url ?? '').endsWith('.safetensors')) return pass(request, response);
        most = Math.max(most, ++open);
        setTimeout(() => {
          open--;
          serve(request, response, { ...FILES, ...shards });
        }, 20);
      };
      const missing = (name: string): Answer => (request, response) => ((request.url ?? '').endsWith(name) ? status(404)(request, response) : slow(request, response));
      answers.push(...Array.from({ length: 40 }, () => slow));
      const seen: Progress[] = [];
      const folder = await get('hf:org/tiny/layer_20', { onProgress: (progress) => seen.push(progress) });
      for (const [name, data] of Object.entries(shards)) expect((await readFile(join(folder, name.slice('layer_20/'.length)))).equals(data)).toBe(true);
      expect(most).toBeGreaterThan(1);
      expect(most).toBeLessThanOrEqual(4);
      expect(requests.filter(({ url }) => url.includes('/resolve/') && /[06]\.safetensors$/.test(url)).length).toBe(1);
      const last = seen.at(-1);
      expect(last?.done).toBe(last?.total);

      answers.splice(0, answers.length, ...Array.from({ length: 40 }, () => missing('3.safetensors')));
      const failing = get('hf:org/tiny/layer_20', { cacheDir: join(cacheDir, 'other') });
      await expect(failing).rejects.toMatchObject({ code: 'network', parts: { where: expect.stringContaining('3.safetensors') as string } });
      const asked = requests.length;
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(requests.length).toBe(asked);
    } finally {
      for (const name of Object.keys(shards)) Reflect.deleteProperty(FILES, name);
    }
  });

  it('takes token, endpoint, cache and offline mode from the environment', async () => {
    Object.assign(process.env, { HF_TOKEN: 'from-env', HF_ENDPOINT: `${hubUrl}/`, HF_HUB_CACHE: cacheDir });
    const folder = await resolveSource('hf:org/tiny');
    expect(folder.startsWith(cacheDir)).toBe(true);
    expect(requests[0]?.authorization).toBe('Bearer from-env');
    const before = requests.length;
    process.env['HF_HUB_OFFLINE'] = '1';
    expect(await resolveSource('hf:org/tiny')).toBe(folder);
    expect(await resolveSource(`hf:org/tiny@${COMMIT}`)).toBe(folder);
    await expect(resolveSource('hf:org/tiny@other')).rejects.toThrow(/not in the cache.*no such revision/);
    await expect(resolveSource('hf:org/unknown')).rejects.toMatchObject({ code: 'missing-file' });
    expect(requests.length).toBe(before);
  });

  it('fetches a folder, or what a filter asks for', async () => {
    expect(await readdir(await get('hf:org/tiny/layer_20'))).toEqual(['cfg.json']);
    const folder = await get('hf:org/tiny', { include: (path) => path === 'README.md' });
    expect(await readFile(join(folder, 'README.md'), 'utf8')).toBe('not wanted');
    await expect(get('hf:org/tiny/nothing')).rejects.toThrow(/none of the files wanted/);
  });

  it('continues a partial download', async () => {
    const blob = join(cacheDir, 'models--org--tiny/blobs', createHash('sha256').update(WEIGHTS).digest('hex'));
    await mkdir(join(cacheDir, 'models--org--tiny/blobs'), { recursive: true });
    await writeFile(`${blob}.incomplete`, WEIGHTS.subarray(0, 30_000));
    const folder = await get('hf:org/tiny');
    expect(requests.find((r) => r.url.includes('safetensors'))?.range).toBe('bytes=30000-');
    expect(await readFile(join(folder, 'model.safetensors'))).toEqual(WEIGHTS);
  });

  it('continues when the connection breaks in the middle', async () => {
    const cut: Answer = (_, response) => {
      response.writeHead(200, { 'content-length': WEIGHTS.length });
      // Destroyed at once, the connection would take what is under way with it.
      response.write(WEIGHTS.subarray(0, 20_000), () => setTimeout(() => response.destroy(), 50));
    };
    answers = [pass, pass, pass, cut];
    const folder = await get('hf:org/tiny');
    expect(await readFile(join(folder, 'model.safetensors'))).toEqual(WEIGHTS);
    expect(requests.at(-1)?.range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it('says so when a download is cut short again and again, and keeps what came', async () => {
    const nothing: Answer = (_, response) => {
      response.writeHead(200, { 'content-length': WEIGHTS.length });
      response.write(WEIGHTS.subarray(0, 100), () => setTimeout(() => response.destroy(), 50));
    };
    answers = [pass, pass, pass, ...Array.from({ length: 1000 }, () => nothing)];
    await expect(get('hf:org/tiny')).rejects.toThrow(/cut short again and again.*50000 bytes/);
    const blobs = await readdir(join(cacheDir, 'models--org--tiny/blobs'));
    expect(blobs.some((name) => name.endsWith('.incomplete'))).toBe(true);
    await expect(stat(join(cacheDir, 'models--org--tiny/refs/main'))).rejects.toThrow();
  });

  it('begins anew when a partial file was damaged, and refuses content with a wrong hash', async () => {
    const blob = join(cacheDir, 'models--org--tiny/blobs', createHash('sha256').update(WEIGHTS).digest('hex'));
    await mkdir(join(cacheDir, 'models--org--tiny/blobs'), { recursive: true });
    await writeFile(`${blob}.incomplete`, Buffer.alloc(30_000));
    const folder = await get('hf:org/tiny');
    expect(await readFile(join(folder, 'model.safetensors'))).toEqual(WEIGHTS);
    await rm(cacheDir, { recursive: true });
    const wrong: Answer = (request, response) => serve(request, response, { ...FILES, 'model.safetensors': Buffer.alloc(WEIGHTS.length) });
    answers = [pass, pass, pass, wrong];
    await expect(get('hf:org/tiny')).rejects.toThrow(/not what the hub lists.*sha256/);
    expect((await readdir(join(cacheDir, 'models--org--tiny/blobs'))).filter((name) => name.length >= 64)).toEqual([]);
  });

  it.each([
    [401, {}, /wants an access token.*HF_TOKEN/],
    [401, { token: 'old' }, /does not accept the access token/],
    [403, { token: 'good' }, /does not give access.*Accept the terms/],
    [404, {}, /no such repository, revision or file/],
  ])('explains HTTP %i', async (code, more, message) => {
    answers = Array.from({ length: 5 }, () => status(code));
    await expect(get('hf:org/tiny', more)).rejects.toThrow(message);
    expect(requests.length).toBe(1);
  });

  it('waits as asked after 429, and tries again after 5xx', async () => {
    answers = [status(429, { 'retry-after': '0' }), status(503), pass, status(502), status(500)];
    const folder = await get('hf:org/tiny');
    expect(await readFile(join(folder, 'config.json'))).toEqual(CONFIG);
  });

  it('gives up after a few tries, or when it would have to wait too long', async () => {
    answers = Array.from({ length: 9 }, () => status(503));
    await expect(get('hf:org/tiny')).rejects.toThrow(/problem of its own.*HTTP 503/);
    expect(requests.length).toBe(3);
    answers = [status(429, { 'retry-after': '3600' })];
    await expect(get('hf:org/tiny')).rejects.toThrow(/fewer requests.*3600 seconds/);
    answers = [status(429, { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() })];
    await expect(get('hf:org/tiny')).rejects.toThrow(/fewer requests/);
    expect(requests.length).toBe(5);
  });

  it('says when nothing answers, and can be cancelled', async () => {
    await expect(resolveSource('hf:org/tiny', { ...options(), hubUrl: 'http://127.0.0.1:9' })).rejects.toThrow(/cannot be reached.*HF_HUB_OFFLINE/);
    const stop = new AbortController();
    answers = [() => stop.abort()];
    await expect(get('hf:org/tiny', { signal: stop.signal })).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('reads parts of remote files', async () => {
    const file = Buffer.from(encodeSafetensors({ a: { shape: [2, 3], data: Float32Array.from([1, 2, 3, 4, 5, 6]) } }));
    FILES['big.safetensors'] = file;
    try {
      const reader = await openSafetensors(await openRemoteFile('hf:org/tiny/big.safetensors', options()));
      expect((await reader.readRows('a', 1, 2)).data).toEqual(Float32Array.from([4, 5, 6]));
      expect(requests.every((r) => r.range !== undefined)).toBe(true);
      answers = [(_, response) => response.writeHead(200).end('whole')];
      await expect(openRemoteFile('hf:org/tiny/big.safetensors', options())).rejects.toThrow(/does not serve parts/);
      await expect(openRemoteFile('hf:org/tiny', options())).rejects.toThrow(/No file was named/);
    } finally {
      delete FILES['big.safetensors'];
    }
  });
});

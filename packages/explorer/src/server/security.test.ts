import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SalmonError } from '@salmon-sae/dataflow';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeRun, TEXT } from '../../test/make-run.js';
import { rawRequest } from '../../test/raw-request.js';
import { scratchFolders } from '../../test/scratch.js';
import { serveExplorer } from '../serve-explorer.js';
import { answerError } from './listen.js';
import type { Served } from './listen.js';
import { allowedHost } from './security.js';

const scratch = scratchFolders();
let served: Served;
beforeAll(async () => {
  const run = await makeRun(join(await scratch(), 'run'));
  await writeFile(join(run, 'secret.txt'), 'SECRET');
  await writeFile(join(run, '..', 'outside.txt'), 'SECRET');
  served = await serveExplorer({ run });
});
afterAll(() => served.close());

describe('the server', () => {
  it('listens on loopback only, unless told otherwise', () => expect(new URL(served.url).hostname).toBe('127.0.0.1'));

  it('sets a strict policy on every answer, refusals too', async () => {
    for (const path of ['/', '/data/run.json', '/nothing', '/data/none/features.json']) {
      const { headers } = await rawRequest(served.url, path);
      const policy = String(headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("require-trusted-types-for 'script'");
      expect(policy).not.toMatch(/unsafe|data:|\*/);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('ships pages without inline scripts or styles', async () => {
    const { body, status } = await rawRequest(served.url, '/');
    expect(status).toBe(200);
    expect(body).toMatch(/<script type="module"[^>]* src="\.\/assets\//);
    expect(body).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=/);
  });

  it.each([
    '/../secret.txt',
    '/secret.txt',
    '/config.json',
    '/..%2f..%2foutside.txt',
    '/%2e%2e/%2e%2e/outside.txt',
    '/data/../../outside.txt',
    '/data/..%2f..%2foutside.txt/features.json',
    `/data/sae-one@${TEXT}/cards/../../../secret.txt`,
    `/data/sae-one@${TEXT}/cards/..%2f..%2f..%2fsecret.txt`,
    `/data/sae-one@${TEXT}/cards/99999.json`,
    '/assets/../../package.json',
    '/.source-hash',
    '/rating.html',
    '/\\..\\secret.txt',
    '//etc/passwd',
    '/data/__proto__/features.json',
  ])('serves nothing for %s', async (path) => {
    const { status, body } = await rawRequest(served.url, path);
    expect([400, 404]).toContain(status);
    expect(body).not.toContain('SECRET');
  });

  it('refuses names that are not its own, and other origins', async () => {
    const { port, host } = new URL(served.url);
    const ask = async (headers: Readonly<Record<string, string>>): Promise<number> => (await rawRequest(served.url, '/data/run.json', { headers })).status;
    expect(await ask({ host })).toBe(200);
    expect(await ask({ host: `localhost:${port}` })).toBe(200);
    expect(await ask({ host: `evil.example:${port}` })).toBe(403);
    expect(await ask({ host: `127.0.0.1.evil.example:${port}` })).toBe(403);
    expect(await ask({ host, origin: `http://${host}` })).toBe(200);
    expect(await ask({ host, origin: 'http://evil.example' })).toBe(403);
    expect(await ask({ host, origin: 'null' })).toBe(403);
    expect(await ask({ host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' })).toBe(403);
  });

  it('lets no key of its environment out, by wire, file or output', async () => {
    const key = 'sk-0123456789abcdef';
    const written: string[] = [];
    const streams = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0));
    for (const name of ['HF_TOKEN', 'OPENAI_API_KEY', 'ANTHROPIC_API_KEY']) vi.stubEnv(name, key);
    try {
      const run = await makeRun(await scratch());
      const other = await serveExplorer({ run });
      const bodies = await Promise.all(['/', '/data/run.json', `/data/sae-one@${TEXT}/features.json`, '/nothing'].map(async (path) => JSON.stringify(await rawRequest(other.url, path))));
      await other.close();
      const files = await Promise.all((await readdir(join(run, 'explorer'))).map((name) => readFile(join(run, 'explorer', name), 'utf8')));
      expect(files).toHaveLength(3);
      for (const text of [...bodies, ...files, ...written]) expect(text).not.toContain(key);
    } finally {
      for (const stream of streams) stream.mockRestore();
      vi.unstubAllEnvs();
    }
  });

  it('says in words what a person can mend, and of other failures nothing but that they happened', async () => {
    const app = new Hono();
    app.onError(answerError);
    app.get('/usage', () => {
      throw new SalmonError('usage', { what: 'The request cannot be read' });
    });
    app.get('/inside', () => {
      throw new Error('at /home/someone/secret/path');
    });
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const usage = await app.request('/usage');
    const inside = await app.request('/inside');
    expect([usage.status, await usage.text()]).toEqual([400, expect.stringContaining('cannot be read')]);
    expect(inside.status).toBe(500);
    expect(await inside.text()).not.toContain('someone');
    expect(warned).toHaveBeenCalledTimes(1);
    warned.mockRestore();
  });

  it('knows its live endpoints only with a model', async () => {
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"text":"x"}' };
    expect((await rawRequest(served.url, '/live/encode', post)).status).toBe(404);
    expect((await rawRequest(served.url, '/live/encode', { ...post, headers: { 'content-type': 'text/plain' } })).status).toBe(415);
    expect((await rawRequest(served.url, '/live/encode', { ...post, body: 'x'.repeat(100_000) })).status).toBe(413);
  });

  it('says in words that a port is taken', async () => {
    const run = await makeRun(await scratch());
    await expect(serveExplorer({ run, port: Number(new URL(served.url).port) })).rejects.toThrow(/cannot listen.*EADDRINUSE/);
  });
});

describe('allowedHost', () => {
  it('on loopback passes loopback names; on the network literal addresses too', () => {
    expect(allowedHost('localhost:80', '127.0.0.1')).toBe(true);
    expect(allowedHost('[::1]:80', '127.0.0.1')).toBe(true);
    expect(allowedHost('10.0.0.5:80', '127.0.0.1')).toBe(false);
    expect(allowedHost('', '127.0.0.1')).toBe(false);
    expect(allowedHost('10.0.0.5:80', '0.0.0.0')).toBe(true);
    expect(allowedHost('rebound.example:80', '0.0.0.0')).toBe(false);
    expect(allowedHost('lab.example:80', 'lab.example')).toBe(true);
  });
});

import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadSae, loadSaeConfig } from './load-sae.js';
import type { LoadOptions } from './load-sae.js';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures');
const COMMIT = 'b'.repeat(40);
/** Repository folder -> fixture. */
const FOLDERS = {
  'layer_20/width_16k/average_l0_71': 'gemmascope_npz',
  'embedding/width_4k/average_l0_6': 'gemmascope_npz_embedding',
  'saelens/blocks.0': 'infer_jumprelu',
  'sparsify/layers.3': 'sparsify_topk',
  'resid_post/layer_7_width_16k': 'gemmascope2_safetensors',
};

describe('SAEs on the hub', () => {
  const files: Record<string, Buffer> = {};
  let server: Server;
  let options: LoadOptions & { readonly hub: object };
  let cacheDir = '';
  let served: { readonly file: string; readonly bytes: number }[] = [];

  beforeAll(async () => {
    for (const [folder, fixture] of Object.entries(FOLDERS)) {
      for (const name of await readdir(join(FIXTURES, fixture))) files[`${folder}/${name}`] = await readFile(join(FIXTURES, fixture, name));
    }
    server = createServer((request, response) => {
      const url = decodeURIComponent(request.url ?? '');
      const json = (value: unknown): void => void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      const file = url.split('/resolve/')[1]?.split('/').slice(1).join('/') ?? '';
      const data = files[file];
      if (url.includes('/revision/')) json({ _id: '1', id: 'google/gemma-scope-2b-pt-res', sha: COMMIT, lastModified: 0 });
      else if (url.includes('/tree/')) {
        json(Object.entries(files).map(([path, bytes]) => ({ type: 'file', path, size: bytes.length, oid: createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex') })));
      } else if (data === undefined) response.writeHead(404).end();
      else {
        const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
        const from = Number(range?.[1] ?? 0);
        const part = data.subarray(from, range?.[2] ? Number(range[2]) + 1 : undefined);
        served.push({ file, bytes: part.length });
        response.writeHead(range === null ? 200 : 206, { 'content-range': `bytes ${from}-${from + part.length - 1}/${data.length}` }).end(part);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  beforeEach(async () => {
    served = [];
    cacheDir = await mkdtemp(join(tmpdir(), 'sae-hub-'));
    const { port } = server.address() as AddressInfo;
    options = { hub: { hubUrl: `http://127.0.0.1:${port}`, cacheDir, offline: false, token: '', retry: { attempts: 1 } } };
    return () => rm(cacheDir, { recursive: true });
  });

  const REPO = 'hf:google/gemma-scope-2b-pt-res';

  it.each(Object.entries(FOLDERS))('loads %s', async (folder, fixture) => {
    const state = await loadSae(`${REPO}/${folder}`, options);
    expect(state.weights).toEqual((await loadSae(join(FIXTURES, fixture))).weights);
    // Nothing but the SAE's own files of this one folder is fetched.
    expect(served.every(({ file }) => file.startsWith(folder) && !file.endsWith('io.safetensors'))).toBe(true);
  });

  it('knows model and hook from the repository', async () => {
    const res = await loadSae(`${REPO}/layer_20/width_16k/average_l0_71/params.npz`, options);
    expect(res.site).toEqual({ model: 'gemma-2-2b', hook: 'resid_post.20', width: 16 });
    const embedding = await loadSae(`${REPO}@main/embedding/width_4k/average_l0_6`, options);
    expect(embedding.site.hook).toBe('embed');
    expect((await loadSae(`${REPO}/sparsify/layers.3`, options)).site.hook).toBe('resid_post.3');
    expect((await loadSae(`${REPO}/resid_post/layer_7_width_16k`, options)).site.hook).toBe('resid_post.7');
  });

  it.each(['saelens/blocks.0', 'sparsify/layers.3', 'resid_post/layer_7_width_16k'])('reads the config of %s without the weights', async (folder) => {
    const summary = await loadSaeConfig(`${REPO}/${folder}`, options);
    expect(summary.config).toEqual((await loadSae(`${REPO}/${folder}`, options)).config);
    served = [];
    await loadSaeConfig(`${REPO}/${folder}`, options);
    const weights = served.filter(({ file }) => file.endsWith('.safetensors')).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(weights).toBeGreaterThan(8);
    expect(weights).toBeLessThan(1000);
  });

  it('fails in words where nothing is there', async () => {
    await expect(loadSae(REPO, options)).rejects.toMatchObject({ code: 'missing-file' });
    await expect(loadSaeConfig(`${REPO}/nowhere`, options)).rejects.toMatchObject({ code: 'missing-file' });
  });
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadSae } from '@salmon-sae/sae-core';
import { random, SalmonError, writeFileAtomic } from '@salmon-sae/dataflow';
import { UMAP } from 'umap-js';
import type { MapData } from '../wire.js';
import { EXPLORER_FOLDER } from './open-run.js';
import type { CardSet, OpenRun } from './open-run.js';

/** UMAP takes seconds per thousand points; more live latents than this are represented by a sample. */
export const MAP_LIMIT = 4000;
/** Random projections keep distances within a few percent at this width (Johnson-Lindenstrauss). */
const PROJECTED = 128;
const MAP_SEED = 1;

/** The decoder rows of a set's live latents in two dimensions, from the run's cache if it stands there. */
export async function decoderMap(run: OpenRun, set: CardSet): Promise<MapData> {
  const path = join(run.folder, EXPLORER_FOLDER, `${set.data.id}.map.json`);
  const key = { latents: set.data.cards, limit: MAP_LIMIT, version: 1 };
  const cached = await readCached(path, key);
  if (cached !== undefined) return cached;
  const map = await computeMap(set);
  await writeFileAtomic(path, JSON.stringify({ key, map }));
  return map;
}

async function readCached(path: string, key: object): Promise<MapData | undefined> {
  try {
    const held = JSON.parse(await readFile(path, 'utf8')) as { readonly key: object; readonly map: MapData };
    return JSON.stringify(held.key) === JSON.stringify(key) ? held.map : undefined;
  } catch {
    // Not there, or torn: it is computed again.
    return undefined;
  }
}

async function computeMap(set: CardSet): Promise<MapData> {
  const { weights } = await loadSae(set.saeFolder);
  const decoder = weights['W_dec'];
  const width = decoder?.shape[1];
  if (decoder === undefined || width === undefined) {
    throw new SalmonError('bad-file', { what: 'An SAE has no decoder to map', where: set.saeFolder, expected: 'W_dec [latents, width]', got: Object.keys(weights).join(', ') });
  }
  const live = set.cards.features.latent;
  const draw = random(MAP_SEED, 'decoder-map');
  const latents = live.length <= MAP_LIMIT ? [...live] : draw.shuffle([...live]).slice(0, MAP_LIMIT).sort((a, b) => a - b);
  const project = width <= PROJECTED ? undefined : Float32Array.from({ length: width * PROJECTED }, () => draw.normal());
  const rows = latents.map((latent) => unitRow(decoder.data.subarray(latent * width, (latent + 1) * width), project));
  const nNeighbors = Math.min(15, Math.max(2, rows.length - 1));
  const umap = new UMAP({ nComponents: 2, nNeighbors, minDist: 0.15, random: () => draw.next() });
  // Fewer than four points have no neighbourhood graph: they stand on a line.
  const points = rows.length < 4 ? rows.map((_, i) => [i, 0]) : await umap.fitAsync(rows);
  const scaled = [0, 1].map((axis) => unitRange(points.map((point) => point[axis] ?? 0)));
  const sample = latents.length < live.length ? `, a sample of ${latents.length}` : '';
  return { set: set.data.id, method: `UMAP of unit decoder rows (cosine)${sample}`, of: live.length, latent: latents, x: scaled[0] ?? [], y: scaled[1] ?? [] };
}

/** The row over its norm, so that Euclidean distance orders as cosine does; projected where the model is wide. */
function unitRow(row: Float32Array, project: Float32Array | undefined): number[] {
  let out = Array.from(row);
  if (project !== undefined) {
    const narrow = new Array<number>(PROJECTED).fill(0);
    row.forEach((value, i) => {
      for (let j = 0; j < PROJECTED; j++) narrow[j] = (narrow[j] ?? 0) + value * (project[i * PROJECTED + j] ?? 0);
    });
    out = narrow;
  }
  const norm = Math.hypot(...out) || 1;
  return out.map((value) => value / norm);
}

function unitRange(values: readonly number[]): number[] {
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  return values.map((value) => Number(((value - low) / span).toFixed(4)));
}

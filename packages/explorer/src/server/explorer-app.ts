import { Hono } from 'hono';
import { SalmonError } from '@salmon-sae/dataflow';
import { z } from 'zod';
import type { LiveSession } from '../live/live-session.js';
import { decoderMap } from '../run/decoder-map.js';
import type { CardSet, OpenRun } from '../run/open-run.js';
import type { MapData } from '../wire.js';
import { answerError, servePage } from './listen.js';
import type { PageFile } from './page-files.js';
import { security } from './security.js';

const encodeBody = z.strictObject({ text: z.string().min(1).max(4000) });
const steerBody = z.strictObject({
  set: z.string(),
  latent: z.int().min(0),
  strength: z.number().min(-20).max(20),
  prompt: z.string().min(1).max(2000),
  tokens: z.int().min(1).max(80).default(30),
  temperature: z.number().min(0).max(2).default(0),
  seed: z.int().default(1),
});

/** The explorer's routes. Sets are looked up by id in the open run; no part of a request becomes a path. */
export function explorerApp(run: OpenRun, parts: { readonly page: ReadonlyMap<string, PageFile>; readonly live?: LiveSession; readonly host: string }): Hono {
  const { live } = parts;
  const app = new Hono();
  app.onError(answerError);
  app.use(...security(parts.host));
  const setOf = (id: string): CardSet | undefined => run.set(id);
  const maps = new Map<string, Promise<MapData>>();
  app.get('/data/run.json', (c) => c.json(run.data(live !== undefined)));
  app.get('/data/:set/features.json', (c) => {
    const set = setOf(c.req.param('set'));
    return set === undefined ? c.notFound() : c.json(set.cards.features);
  });
  app.get('/data/:set/cards/:chunk{[0-9]{1,7}\\.json}', async (c) => {
    const set = setOf(c.req.param('set'));
    const chunk = Number.parseInt(c.req.param('chunk'), 10);
    return set === undefined || chunk >= set.cards.chunks ? c.notFound() : c.json({ cards: await set.cards.chunk(chunk) });
  });
  app.get('/data/:set/map.json', async (c) => {
    const set = setOf(c.req.param('set'));
    if (set === undefined) return c.notFound();
    let map = maps.get(set.data.id);
    if (map === undefined) {
      map = decoderMap(run, set);
      maps.set(set.data.id, map);
      map.catch(() => maps.delete(set.data.id));
    }
    return c.json(await map);
  });
  if (live !== undefined) {
    app.post('/live/encode', async (c) => c.json(live.encode(checked(encodeBody, await c.req.json()).text)));
    app.post('/live/steer', async (c) => c.json(await live.steer(checked(steerBody, await c.req.json()))));
  }
  servePage(app, parts.page, 'index.html');
  return app;
}

/** A body of the form expected, or a `usage` error in words. */
export function checked<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SalmonError('usage', { what: 'The request cannot be read', where: issue?.path.join('.') || 'body', got: issue?.message ?? 'an unknown form' });
}

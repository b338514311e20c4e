import { progressOf, RATING_CLASSES, withEvent } from '@salmon-sae/autointerp';
import type { RatingEvent, RatingSession } from '@salmon-sae/autointerp';
import { Hono } from 'hono';
import { z } from 'zod';
import { checked } from '../server/explorer-app.js';
import { answerError, servePage } from '../server/listen.js';
import type { PageFile } from '../server/page-files.js';
import { security } from '../server/security.js';
import type { RatingStateData } from '../wire.js';
import type { RatingStore } from './rating-store.js';

const rater = z.string().trim().min(1).max(80);
const stateBody = z.strictObject({ rater });
const answerBody = z.strictObject({ rater, item: z.string().min(1).max(80), fits: z.int().min(0), verdict: z.enum(RATING_CLASSES) });

/** The rater's routes. What they answer follows from the blinded items and the rater's own answers, and from nothing else. */
export function ratingApp(store: RatingStore, parts: { readonly page: ReadonlyMap<string, PageFile>; readonly host: string; readonly now: () => string }): Hono {
  const app = new Hono();
  app.onError(answerError);
  app.use(...security(parts.host));
  const items = new Map(store.items.map((item) => [item.id, item]));
  const state = (session: RatingSession, who: string): RatingStateData => {
    const { done, total, next, canUndo } = progressOf(session, who);
    const item = next === undefined ? undefined : items.get(next);
    return { done, total, canUndo, item: item === undefined ? null : { id: item.id, label: item.label, contexts: item.contexts } };
  };
  const record = async (event: RatingEvent): Promise<RatingStateData> =>
    state(
      await store.append((session) => {
        withEvent(session, event);
        return event;
      }),
      event.rater,
    );
  app.post('/rating/state', async (c) => c.json(state(await store.session(), checked(stateBody, await c.req.json()).rater)));
  app.post('/rating/answer', async (c) => {
    const body = checked(answerBody, await c.req.json());
    return c.json(await record({ kind: 'answer', ...body, at: parts.now() }));
  });
  app.post('/rating/undo', async (c) => {
    const { rater: who } = checked(stateBody, await c.req.json());
    return c.json(await record({ kind: 'undo', rater: who, at: parts.now() }));
  });
  servePage(app, parts.page, 'rating.html');
  return app;
}

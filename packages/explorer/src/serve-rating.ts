import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { isSalmonError } from '@salmon-sae/dataflow';
import { ratingItems } from './rating/rating-items.js';
import { RatingStore } from './rating/rating-store.js';
import { ratingApp } from './rating/rating-app.js';
import { EXPLORER_FOLDER, openRun } from './run/open-run.js';
import { listen } from './server/listen.js';
import type { Address, Served } from './server/listen.js';
import { pageFiles } from './server/page-files.js';

export interface RatingOptions extends Address {
  readonly run: string;
  /** Latents of each arm; default 50. Counts only when the session is made. */
  readonly latents?: number;
  /** Contexts shown with a label; default 10. */
  readonly contexts?: number;
  /** Two sets, `<sae>@<text>`; default: the headline SAEs of the broad and the domain arm. */
  readonly sets?: readonly [string, string];
  /** The secret behind order and ids. Default: drawn anew, because whoever knows it can undo the blinding. */
  readonly seed?: number;
}

export interface ServedRating extends Served {
  /** Items of the session, both arms together. */
  readonly items: number;
  /** The SQLite file. */
  readonly file: string;
}

export function ratingFile(run: string): string {
  return join(run, EXPLORER_FOLDER, 'ratings.sqlite');
}

/** Serves blind rating over a run; a session that was begun goes on. Throws as `serveExplorer`, and `no-data` where no latents can be matched. */
export async function serveRating(options: RatingOptions): Promise<ServedRating> {
  const run = await openRun(options.run);
  const file = ratingFile(run.folder);
  const store = await RatingStore.open(file).catch(async (error: unknown) => {
    if (!isSalmonError(error) || error.code !== 'missing-file') throw error;
    const { latents = 50, contexts = 10, seed = randomInt(2 ** 32) } = options;
    const blind = await ratingItems(run, { seed, latents, contexts, ...(options.sets === undefined ? {} : { sets: options.sets }) });
    return RatingStore.create(file, blind, { seed, contexts });
  });
  const page = await pageFiles();
  const app = ratingApp(store, { page, host: options.host ?? '127.0.0.1', now: () => new Date().toISOString() });
  const served = await listen(app, options);
  return { ...served, items: store.items.length, file };
}

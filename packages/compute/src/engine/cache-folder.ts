import path from 'node:path';
import process from 'node:process';
import envPaths from 'env-paths';

/** The per-user cache that all checkouts and versions share: `SALMON_CACHE`, else `$XDG_CACHE_HOME/salmon` or the platform's place. */
export function cacheFolder(): string {
  const forced = process.env['SALMON_CACHE'];
  return forced !== undefined && forced !== '' ? path.resolve(forced) : envPaths('salmon', { suffix: '' }).cache;
}

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** Hash of the page's sources in a checkout, by which a stale build is known; undefined in the published package, which has none. */
export async function sourceHash(root: string): Promise<string | undefined> {
  const source = join(root, 'page');
  const entries = await readdir(source, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return undefined;
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hash = createHash('sha256').update(await readFile(join(root, 'src', 'wire.ts')));
  for (const path of paths.sort()) hash.update(relative(source, path)).update(await readFile(path));
  return hash.digest('hex');
}

import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

const prefix = '.unfinished-';

/**
 * Fills a new folder under a temporary name beside its final place and renames it when `fill` has succeeded, so that a
 * killed run never leaves a folder that passes for whole. An existing target is replaced.
 */
export async function stageFolder(target: string, fill: (staging: string) => Promise<void>): Promise<void> {
  const parent = path.dirname(target);
  await mkdir(parent, { recursive: true });
  const staging = path.join(parent, `${prefix}${randomUUID()}`);
  await mkdir(staging);
  try {
    await fill(staging);
    await rm(target, { recursive: true, force: true });
    await rename(staging, target);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Removes what killed runs left behind. Only for the holder of the set-up lock. */
export async function removeUnfinished(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.filter((name) => name.startsWith(prefix)).map((name) => rm(path.join(folder, name), { recursive: true, force: true })));
}

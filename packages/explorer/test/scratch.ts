import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A folder that is gone after the file's tests. */
export async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'salmon-explorer-'));
  return folder;
}

/** Registers the removal of folders; call at the top of a test file. */
export function scratchFolders(): () => Promise<string> {
  const made: string[] = [];
  afterAll(async () => {
    for (const folder of made) await rm(folder, { recursive: true, force: true });
  });
  return async () => {
    const folder = await scratch();
    made.push(folder);
    return folder;
  };
}

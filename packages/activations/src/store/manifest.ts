import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { asFileError, hashFile, SalmonError, writeFileAtomic } from '@salmon-sae/dataflow';
import { MANIFEST, parseManifest } from './spec.js';
import type { StoreFile, StoreManifest, StoreShard } from './spec.js';

/** The manifest of a store folder; undefined where there is none. */
export async function readManifest(folder: string): Promise<StoreManifest | undefined> {
  const path = join(folder, MANIFEST);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw asFileError(error, path, 'read');
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new SalmonError('bad-file', { what: 'The manifest of this activation store is not valid JSON', where: path }, { cause });
  }
  return parseManifest(json, path);
}

export async function writeManifest(folder: string, manifest: StoreManifest): Promise<void> {
  await writeFileAtomic(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 1)}\n`);
}

/** The finished shards up to the first whose files are missing or damaged. */
export async function soundShards(folder: string, shards: readonly StoreShard[]): Promise<readonly StoreShard[]> {
  for (const [i, shard] of shards.entries()) {
    for (const file of shard.files) if (!(await isSound(folder, file))) return shards.slice(0, i);
  }
  return shards;
}

/** Throws `missing-file` or `bad-file` unless a shard's file is what the manifest says. */
export async function verifyFile(folder: string, file: StoreFile): Promise<void> {
  const path = join(folder, file.file);
  const sha256 = await hashFile(path);
  if (sha256 === file.sha256) return;
  throw new SalmonError('bad-file', {
    what: 'A shard of the activation store was damaged or changed',
    where: path,
    expected: `sha256 ${file.sha256}`,
    got: sha256,
    todo: 'Run the harvest again: it keeps the shards before this one and makes the rest anew',
  });
}

async function isSound(folder: string, file: StoreFile): Promise<boolean> {
  const path = join(folder, file.file);
  const found = await stat(path).catch(() => undefined);
  return found?.size === file.bytes && (await hashFile(path)) === file.sha256;
}

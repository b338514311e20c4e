import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SalmonError } from '../errors.js';
import { openSafetensors } from './open.js';
import type { SafetensorsReader } from './open.js';

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
/** An index lists names only; a larger one is not an index. */
const MAX_INDEX_BYTES = 64 << 20;

/**
 * Opens the weights of a Hugging Face model folder, in one file or in shards, behind one reader.
 * @throws SalmonError `missing-file` when neither file is there, `bad-file` when the index and the shards disagree.
 */
export async function openSafetensorsFolder(folder: string): Promise<SafetensorsReader> {
  if (await exists(join(folder, SINGLE))) return openSafetensors(join(folder, SINGLE));
  const indexPath = join(folder, INDEX);
  if (!(await exists(indexPath))) {
    const todo = 'Point to a folder with safetensors weights';
    throw new SalmonError('missing-file', { what: 'No weights found', where: folder, expected: `${SINGLE} or ${INDEX}`, got: 'neither', todo });
  }
  const shardOf = await readIndex(indexPath);
  const readers = new Map<string, SafetensorsReader>();
  const close = async (): Promise<void> => {
    await Promise.all([...readers.values()].map((reader) => reader.close()));
  };
  try {
    for (const [name, shard] of shardOf) {
      let reader = readers.get(shard);
      if (reader === undefined) {
        reader = await openSafetensors(join(folder, shard));
        readers.set(shard, reader);
      }
      if (!reader.has(name)) {
        throw new SalmonError('bad-file', { what: `Tensor "${name}" is missing from its shard`, where: indexPath, expected: `it in ${shard}`, got: 'no such tensor' });
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  const at = (name: string): SafetensorsReader => {
    const reader = readers.get(shardOf.get(name) ?? '');
    if (reader !== undefined) return reader;
    const got = `${shardOf.size} other tensors`;
    throw new SalmonError('bad-file', { what: `Tensor "${name}" is missing`, where: indexPath, expected: name, got });
  };
  return {
    names: [...shardOf.keys()],
    metadata: Object.assign({}, ...[...readers.values()].map((reader) => reader.metadata)) as Record<string, string>,
    has: (name) => shardOf.has(name),
    info: (name) => at(name).info(name),
    read: async (name) => at(name).read(name),
    readInt32: async (name) => at(name).readInt32(name),
    readRows: async (name, from, to) => at(name).readRows(name, from, to),
    readBytes: async (name, from, to) => at(name).readBytes(name, from, to),
    close,
  };
}

async function readIndex(path: string): Promise<ReadonlyMap<string, string>> {
  const { size } = await stat(path);
  if (size > MAX_INDEX_BYTES) {
    throw new SalmonError('bad-file', { what: 'Shard index is too large', where: path, expected: `at most ${MAX_INDEX_BYTES} bytes`, got: `${size} bytes` });
  }
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new SalmonError('bad-file', { what: 'Shard index is not valid JSON', where: path, todo: 'Download the file again' }, { cause });
  }
  const map = typeof json === 'object' && json !== null ? (json as Record<string, unknown>)['weight_map'] : undefined;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new SalmonError('bad-file', { what: 'Shard index has no weight_map', where: path, expected: 'an object from tensor name to file', got: typeof map });
  }
  const shardOf = new Map<string, string>();
  for (const [name, shard] of Object.entries(map)) {
    // A shard name is a plain file name of this folder: nothing that leads elsewhere.
    if (typeof shard !== 'string' || !/^[^/\\]+\.safetensors$/.test(shard) || shard.includes('\0')) {
      throw new SalmonError('bad-file', { what: `Tensor "${name}" names no shard of this folder`, where: path, expected: 'a file name', got: JSON.stringify(shard) });
    }
    shardOf.set(name, shard);
  }
  return shardOf;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

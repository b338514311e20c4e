import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SalmonError, writeDirectoryAtomic, writeFileAtomic } from '@salmon-sae/dataflow';
import type { SparseCodes } from '@salmon-sae/dataflow';
import { floatToHalf, openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { z } from 'zod';

/** Sparse codes of whole token sequences, as delphi (0.1.1) caches them for one hook. */
export interface LatentCache {
  readonly sequences: number;
  readonly context: number;
  /** [sequences * context] */
  readonly tokens: Int32Array;
  /** One row per position, sequence after sequence. */
  readonly codes: SparseCodes;
}

export interface DelphiCacheOptions {
  /** Files the latents are spread over. */
  readonly splits?: number;
  /** Written to config.json. */
  readonly modelName?: string;
  readonly dataset?: string;
}

/** delphi's test of an activation being there. */
const SMALLEST = 1e-5;
const FILE = /^(\d+)_(\d+)\.safetensors$/;

/**
 * Writes `<first>_<last>.safetensors` (last inclusive) with `locations` [nnz, 3] = (sequence, position, latent - first) as
 * uint16, or uint32 where a number does not fit, `activations` [nnz] float16 and `tokens` [sequences, context] int64, and
 * config.json. The folder appears whole or not at all.
 */
export async function writeDelphiCache(folder: string, cache: LatentCache, options: DelphiCacheOptions = {}): Promise<void> {
  const { codes, sequences, context } = cache;
  if (codes.rows !== sequences * context || cache.tokens.length !== codes.rows) {
    throw new SalmonError('bad-shape', { what: 'A latent cache needs one code row per position', expected: `${sequences} * ${context} rows`, got: `${codes.rows} rows, ${cache.tokens.length} tokens` });
  }
  const splits = Math.min(options.splits ?? 5, codes.latents);
  await writeDirectoryAtomic(folder, async (inside) => {
    for (let s = 0; s < splits; s++) {
      const first = Math.floor((codes.latents * s) / splits);
      const end = Math.floor((codes.latents * (s + 1)) / splits);
      await writeFileAtomic(join(inside, `${first}_${end - 1}.safetensors`), splitBytes(cache, first, end));
    }
    const config = { dataset_repo: options.dataset ?? '', cache_ctx_len: context, n_tokens: codes.rows, n_splits: splits, model_name: options.modelName ?? '' };
    await writeFileAtomic(join(inside, 'config.json'), JSON.stringify(config, undefined, 2));
  });
}

function splitBytes({ codes, tokens, sequences, context }: LatentCache, first: number, end: number): readonly Uint8Array[] {
  const locations: number[] = [];
  const activations: number[] = [];
  for (let row = 0; row < codes.rows; row++) {
    for (let k = codes.indptr[row] as number; k < (codes.indptr[row + 1] as number); k++) {
      const latent = codes.indices[k] as number;
      const value = codes.values[k] as number;
      if (latent < first || latent >= end || Math.abs(value) <= SMALLEST) continue;
      locations.push(Math.floor(row / context), row % context, latent - first);
      activations.push(floatToHalf(value));
    }
  }
  const small = Math.max(sequences, context, end - first) <= 65_536;
  const wide = new BigInt64Array(tokens.length);
  tokens.forEach((id, i) => (wide[i] = BigInt(id)));
  const parts = [
    { name: 'tokens', dtype: 'I64', shape: [sequences, context], bytes: new Uint8Array(wide.buffer) },
    { name: 'locations', dtype: small ? 'U16' : 'U32', shape: [activations.length, 3], bytes: new Uint8Array((small ? Uint16Array.from(locations) : Uint32Array.from(locations)).buffer) },
    { name: 'activations', dtype: 'F16', shape: [activations.length], bytes: new Uint8Array(Uint16Array.from(activations).buffer) },
  ];
  let at = 0;
  const header: Record<string, unknown> = {};
  for (const { name, dtype, shape, bytes } of parts) header[name] = { dtype, shape, data_offsets: [at, (at += bytes.byteLength)] };
  // Safetensors: header length, then the header padded with spaces to 8 bytes.
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(8 + Math.ceil(json.byteLength / 8) * 8, 0x20);
  padded.writeBigUInt64LE(BigInt(padded.byteLength - 8));
  json.copy(padded, 8);
  return [padded, ...parts.map(({ bytes }) => bytes)];
}

const configSchema = z.looseObject({ model_name: z.string().optional() });

/** Reads all splits of one hook's folder into memory. Throws `missing-file`, `bad-file`. */
export async function readDelphiCache(folder: string): Promise<LatentCache & { readonly modelName: string }> {
  const files = (await list(folder)).flatMap((name) => {
    const match = FILE.exec(name);
    return match === null ? [] : [{ path: join(folder, name), first: Number(match[1]), last: Number(match[2]) }];
  });
  files.sort((a, b) => a.first - b.first);
  if (files.length === 0) throw bad(folder, 'A latent cache has no <first>_<last>.safetensors file');
  let expected = 0;
  for (const { first, last } of files) {
    if (first !== expected || last < first) throw bad(folder, 'The splits of a latent cache do not follow each other', `a split that begins at ${expected}`, `${first}_${last}`);
    expected = last + 1;
  }
  let shape: { readonly tokens: Int32Array; readonly sequences: number; readonly context: number } | undefined;
  const rows: number[] = [];
  const latents: number[] = [];
  const values: number[] = [];
  for (const { path, first, last } of files) {
    const file = await openSafetensors(path);
    try {
      const tokens = await file.readInt32('tokens');
      shape ??= { tokens: tokens.data, sequences: tokens.shape[0] ?? 0, context: tokens.shape[1] ?? 0 };
      const locations = (await file.readInt32('locations')).data;
      const activations = (await file.read('activations')).data;
      if (locations.length !== activations.length * 3) throw bad(path, 'Locations and activations differ in number', String(activations.length), String(locations.length / 3));
      for (let i = 0; i < activations.length; i++) {
        const [sequence, position, latent] = [locations[3 * i] as number, locations[3 * i + 1] as number, locations[3 * i + 2] as number];
        if (sequence >= shape.sequences || position >= shape.context || latent > last - first) throw bad(path, 'A location lies outside of the cache', `sequence < ${shape.sequences}, position < ${shape.context}, latent <= ${last - first}`, `${sequence}, ${position}, ${latent}`);
        rows.push(sequence * shape.context + position);
        latents.push(first + latent);
        values.push(activations[i] as number);
      }
    } finally {
      await file.close();
    }
  }
  const { tokens, sequences, context } = shape as NonNullable<typeof shape>;
  return { sequences, context, tokens, codes: toRows({ rows, latents, values }, sequences * context, expected), modelName: await modelName(folder) };
}

/** Sorts entries into rows (counting sort), latents ascending within a row because splits come in that order. */
function toRows(entries: { readonly rows: readonly number[]; readonly latents: readonly number[]; readonly values: readonly number[] }, count: number, latents: number): SparseCodes {
  const indptr = new Int32Array(count + 1);
  for (const row of entries.rows) indptr[row + 1] = (indptr[row + 1] as number) + 1;
  for (let r = 0; r < count; r++) indptr[r + 1] = (indptr[r + 1] as number) + (indptr[r] as number);
  const next = indptr.slice();
  const order = new Int32Array(entries.rows.length);
  entries.rows.forEach((row, i) => {
    order[next[row] as number] = i;
    next[row] = (next[row] as number) + 1;
  });
  for (let r = 0; r < count; r++) order.subarray(indptr[r], indptr[r + 1]).sort((a, b) => (entries.latents[a] as number) - (entries.latents[b] as number));
  return {
    rows: count,
    latents,
    indptr,
    indices: Int32Array.from(order, (i) => entries.latents[i] as number),
    values: Float32Array.from(order, (i) => entries.values[i] as number),
  };
}

async function modelName(folder: string): Promise<string> {
  const path = join(folder, 'config.json');
  let json: string;
  try {
    json = await readFile(path, 'utf8');
  } catch (error) {
    // Older caches have no config.json; the model's name is then unknown.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
  try {
    return configSchema.parse(JSON.parse(json)).model_name ?? '';
  } catch (cause) {
    throw new SalmonError('bad-file', { what: 'The config of a latent cache is not what delphi writes', where: path }, { cause });
  }
}

async function list(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    throw new SalmonError('missing-file', { what: 'Cannot read the folder of a latent cache', where: folder }, { cause });
  }
}

function bad(where: string, what: string, expected?: string, got?: string): SalmonError {
  return new SalmonError('bad-file', { what, where, ...(expected === undefined ? {} : { expected }), ...(got === undefined ? {} : { got }) });
}

import { open, readFile, stat } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { featureCardSchema } from '@salmon-sae/autointerp';
import { SalmonError, writeFileAtomic } from '@salmon-sae/dataflow';
import type { FeatureCard } from '@salmon-sae/dataflow';
import { CARDS_PER_CHUNK } from '../wire.js';
import type { FeaturesData } from '../wire.js';
import { CardColumns } from './card-columns.js';

/** Raised when the columns change: older caches are then made again. */
const INDEX_VERSION = 3;
const NEWLINE = 10;

interface CardIndex {
  readonly version: number;
  readonly size: number;
  readonly modified: number;
  /** Byte position of every line, then the file's end. */
  readonly offsets: readonly number[];
  readonly features: FeaturesData;
}

/** The cards of one SAE: the table in memory, the cards themselves read from the file when asked for. */
export interface CardFile {
  readonly features: FeaturesData;
  readonly count: number;
  readonly chunks: number;
  /** Cards `chunk * 64 ...` in the order of the file. */
  chunk(chunk: number): Promise<readonly FeatureCard[]>;
  /** One after the other, in bounded memory. */
  each(): AsyncGenerator<FeatureCard>;
}

/**
 * Opens a card file (JSON lines). The first time every line is checked and indexed; the index is cached beside the run, keyed by size
 * and time of change. Throws `bad-file` naming the line, `no-data` for an empty file.
 */
export async function openCardFile(path: string, as: { readonly set: string; readonly text: string; readonly cache: string }): Promise<CardFile> {
  const { size, mtimeMs } = await stat(path);
  const key = { version: INDEX_VERSION, size, modified: Math.round(mtimeMs) };
  const index = (await cached(as.cache, key)) ?? (await build(path, as, key));
  const count = index.features.latent.length;
  const chunks = Math.ceil(count / CARDS_PER_CHUNK);
  const read = async (from: number, to: number): Promise<readonly FeatureCard[]> => {
    const start = index.offsets[from] ?? 0;
    const buffer = Buffer.alloc((index.offsets[to] ?? size) - start);
    const file = await open(path);
    try {
      await file.read(buffer, 0, buffer.length, start);
    } finally {
      await file.close();
    }
    return buffer
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line, i) => parseCard(line, path, from + i + 1));
  };
  const chunk = (n: number): Promise<readonly FeatureCard[]> => read(n * CARDS_PER_CHUNK, Math.min(count, (n + 1) * CARDS_PER_CHUNK));
  return {
    features: index.features,
    count,
    chunks,
    chunk,
    async *each() {
      for (let n = 0; n < chunks; n++) yield* await chunk(n);
    },
  };
}

async function cached(path: string, key: Omit<CardIndex, 'offsets' | 'features'>): Promise<CardIndex | undefined> {
  try {
    const index = JSON.parse(await readFile(path, 'utf8')) as CardIndex;
    return index.version === key.version && index.size === key.size && index.modified === key.modified ? index : undefined;
  } catch {
    // A missing or torn cache is no error: the index is made from the cards.
    return undefined;
  }
}

async function build(path: string, as: { readonly set: string; readonly text: string; readonly cache: string }, key: Omit<CardIndex, 'offsets' | 'features'>): Promise<CardIndex> {
  const columns = new CardColumns(as.set, as.text);
  const offsets: number[] = [];
  let line = 0;
  for await (const { at, text } of linesOf(path)) {
    line += 1;
    if (text.trim() === '') continue;
    columns.add(parseCard(text, path, line));
    offsets.push(at);
  }
  if (offsets.length === 0) {
    throw new SalmonError('no-data', { what: 'A card file of the run is empty', where: path, expected: 'one feature card per line', got: 'none', todo: 'Run the interpretation stage again' });
  }
  offsets.push(key.size);
  const index: CardIndex = { ...key, offsets, features: columns.done() };
  await writeFileAtomic(as.cache, JSON.stringify(index));
  return index;
}

async function* linesOf(path: string): AsyncGenerator<{ readonly at: number; readonly text: string }> {
  let rest: Buffer = Buffer.alloc(0);
  let at = 0;
  for await (const block of createReadStream(path, { highWaterMark: 1 << 20 })) {
    let buffer = rest.length === 0 ? (block as Buffer) : Buffer.concat([rest, block as Buffer]);
    for (let end = buffer.indexOf(NEWLINE); end >= 0; end = buffer.indexOf(NEWLINE)) {
      yield { at, text: buffer.toString('utf8', 0, end) };
      at += end + 1;
      buffer = buffer.subarray(end + 1);
    }
    rest = buffer;
  }
  if (rest.length > 0) yield { at, text: rest.toString('utf8') };
}

function parseCard(line: string, path: string, number: number): FeatureCard {
  const fail = (got: string, cause?: unknown): never => {
    throw new SalmonError(
      'bad-file',
      { what: 'A feature card of the run cannot be read', where: `${path}, line ${number}`, expected: 'a feature card as JSON', got, todo: 'Run the interpretation stage again' },
      { cause },
    );
  };
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    return fail((cause as Error).message, cause);
  }
  const parsed = featureCardSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return fail(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'an unknown form'}`);
}

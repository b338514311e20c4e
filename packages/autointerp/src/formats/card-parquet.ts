import type { FeatureCard } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { double, int32, optional, readParquet, text, writeParquet } from '@salmon-sae/dataflow/parquet';
import type { ParquetRow } from '@salmon-sae/dataflow/parquet';
import { z } from 'zod';

/** Columns of a card file; what is a list of records on the card is a JSON text. */
const CARDS = {
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

const effects = z.array(z.object({ token: z.string(), value: z.number() }));
const contexts = z.array(
  z.object({ doc: z.string(), domain: z.string(), tokens: z.array(z.string()), activations: z.array(z.number()), peak: z.number(), quantile: z.number() }),
);
const neighbours = z.array(z.object({ sae: z.string(), latent: z.number(), cosine: z.number() }));
const scores = z.array(
  z
    .object({ scorer: z.string(), metric: z.string(), value: z.number(), low: z.number(), high: z.number(), n: z.number(), control: z.number().optional() })
    .transform(({ control, ...rest }) => (control === undefined ? rest : { ...rest, control })),
);

/** Writes cards one by one, in memory one row group; returns their number. */
export function writeFeatureCards(path: string, cards: Iterable<FeatureCard> | AsyncIterable<FeatureCard>): Promise<number> {
  return writeParquet(path, CARDS, rowsOf(cards), { rowGroupRows: 256 });
}

async function* rowsOf(cards: Iterable<FeatureCard> | AsyncIterable<FeatureCard>): AsyncGenerator<ParquetRow<typeof CARDS>> {
  for await (const card of cards) {
    yield {
      sae: card.sae,
      latent: card.latent,
      density: card.density,
      max_activation: card.maxActivation,
      dense_class: card.denseClass ?? null,
      explanation: card.explanation?.text ?? null,
      method: card.explanation?.method ?? null,
      scores: card.explanation === undefined ? null : JSON.stringify(card.explanation.scores),
      contexts: JSON.stringify(card.contexts),
      promoted: JSON.stringify(card.promoted),
      suppressed: JSON.stringify(card.suppressed),
      neighbours: JSON.stringify(card.neighbours),
    };
  }
}

/** Reads cards in file order, one row group at a time. Throws `missing-file`, `bad-file`. */
export async function* readFeatureCards(path: string): AsyncGenerator<FeatureCard> {
  const file = await readParquet(path, CARDS);
  try {
    for await (const row of file.readRows()) {
      const explanation = row.explanation;
      yield {
        sae: row.sae,
        latent: row.latent,
        density: row.density,
        maxActivation: row.max_activation,
        contexts: parse(contexts, row.contexts, path),
        promoted: parse(effects, row.promoted, path),
        suppressed: parse(effects, row.suppressed, path),
        neighbours: parse(neighbours, row.neighbours, path),
        ...(explanation === null ? {} : { explanation: { text: explanation, method: row.method ?? '', scores: parse(scores, row.scores ?? '[]', path) } }),
        ...(row.dense_class === null ? {} : { denseClass: row.dense_class }),
      };
    }
  } finally {
    await file.close();
  }
}

function parse<T>(schema: z.ZodType<T>, json: string, where: string): T {
  try {
    return schema.parse(JSON.parse(json));
  } catch (cause) {
    throw new SalmonError('bad-file', { what: 'A feature card does not have the fields it should', where, got: json.slice(0, 80) }, { cause });
  }
}

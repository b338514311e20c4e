import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { cardCsv, readFeatureCards, writeFeatureCards } from '@salmon-sae/autointerp';
import type { FeatureCard } from '@salmon-sae/dataflow';
import { SalmonError, writeFileAtomic } from '@salmon-sae/dataflow';
import { cardsOf } from './cards-of.js';
import type { Interpretation, InterpretTask } from './interpret-saes.js';

export interface CardFiles {
  readonly parquet: string;
  readonly csv: string;
  readonly cards: number;
}

export interface CardOptions {
  readonly interpretation: Interpretation;
  readonly signal?: AbortSignal;
  readonly onCard?: (done: number, total: number) => void;
}

/**
 * Writes `cards.parquet` and `cards.csv` with a card for every latent that fired, explained or not, SAE after SAE (after an interruption:
 * for the explained ones only); one row group in memory at a time. Throws `cancelled`.
 */
export async function writeCards(folder: string, task: InterpretTask, found: CardOptions): Promise<CardFiles> {
  const { interpretation } = found;
  const interrupted = interpretation.stopped === 'interrupted';
  const total = interpretation.saes.reduce((sum, { live, scored, unscored }) => sum + (interrupted ? scored.length + unscored.length : live), 0);
  let done = 0;
  const counted = async function* (): AsyncGenerator<FeatureCard> {
    for await (const card of cardsOf(task, interpretation)) {
      yield card;
      await setImmediate();
      // After an interruption the signal has done its work already: the few cards that are left are written.
      if (!interrupted && found.signal?.aborted === true) throw new SalmonError('cancelled', { what: 'Stopped on request while writing feature cards; the scores are written', where: folder });
      found.onCard?.(++done, total);
    }
  };
  const [parquet, csv] = [join(folder, 'cards.parquet'), join(folder, 'cards.csv')];
  const cards = await writeFeatureCards(parquet, counted());
  await writeFileAtomic(csv, csvLines(parquet));
  return { parquet, csv, cards };
}

async function* csvLines(parquet: string): AsyncGenerator<string> {
  const [header = ''] = cardCsv([]);
  yield header;
  for await (const card of readFeatureCards(parquet)) {
    const [, line = ''] = cardCsv([card]);
    yield line;
  }
}

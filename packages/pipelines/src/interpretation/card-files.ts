import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { cardCsv, eachFeatureCard, readFeatureCards, writeFeatureCards } from '@salmon-sae/autointerp';
import type { CardArm } from '@salmon-sae/autointerp';
import type { FeatureCard } from '@salmon-sae/dataflow';
import { SalmonError, writeFileAtomic } from '@salmon-sae/dataflow';
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
 * for the scored ones only); one row group in memory at a time. Throws `cancelled`.
 */
export async function writeCards(folder: string, task: InterpretTask, found: CardOptions): Promise<CardFiles> {
  const { interpretation } = found;
  const interrupted = interpretation.stopped === 'interrupted';
  const total = interpretation.saes.reduce((sum, { live, scored }) => sum + (interrupted ? scored.length : live), 0);
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

async function* cardsOf(task: InterpretTask, interpretation: Interpretation): AsyncGenerator<FeatureCard> {
  const { book } = interpretation;
  const { model } = task;
  const arms = task.saes.flatMap(({ name, sae }): CardArm[] => {
    const decoder = sae.state.weights['W_dec'];
    const scored = interpretation.saes.find((one) => one.name === name)?.scored ?? [];
    return decoder === undefined ? [] : [{ sae: name, decoder, explanations: new Map(scored.map(({ latent, explanation }) => [latent, explanation])) }];
  });
  for (const arm of arms) {
    const width = arm.decoder.shape[1];
    // Decoders of another width (transcoders to another hook) have no cosine with these.
    const others = arms.filter((other) => other !== arm && other.decoder.shape[1] === width);
    // Only directions of the residual stream reach the unembedding.
    const effects = width === model.info.width ? { model } : {};
    const some = interpretation.stopped === 'interrupted' ? { latents: [...(arm.explanations?.keys() ?? [])] } : {};
    yield* eachFeatureCard(arm, { book, tokenizer: model.tokenizer, ...effects, others }, some);
  }
}

async function* csvLines(parquet: string): AsyncGenerator<string> {
  const [header = ''] = cardCsv([]);
  yield header;
  for await (const card of readFeatureCards(parquet)) {
    const [, line = ''] = cardCsv([card]);
    yield line;
  }
}

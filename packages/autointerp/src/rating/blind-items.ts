import { createHash } from 'node:crypto';
import { random, SalmonError } from '@salmon-sae/dataflow';
import type { Tokenizer } from '@salmon-sae/dataflow';
import type { Example, LatentExamples } from '../examples/examples.js';
import type { MatchedLatents, RatableLatent } from './matched-latents.js';

/** What a rater gets: nothing in it tells the arm, the latent, the document or the density. */
export interface RatingItem {
  readonly id: string;
  readonly label: string;
  readonly contexts: readonly RatingContext[];
}

export interface RatingContext {
  readonly tokens: readonly string[];
  /** Share of the strongest activation among the contexts, 0..1, in steps of 0.1. */
  readonly strengths: readonly number[];
}

/** What only the server knows. */
export interface RatingKey {
  readonly id: string;
  readonly pair: number;
  readonly sae: string;
  readonly latent: number;
}

export interface BlindItems {
  readonly items: readonly RatingItem[];
  readonly keys: readonly RatingKey[];
}

export interface BlindOptions {
  readonly seed?: number;
  /** Contexts per item; the answer "fits k" counts among these. */
  readonly contexts?: number;
}

/**
 * Items of matched latents in random order with ids that say nothing (the seed is the secret behind them). Contexts are windows
 * of the scorer's documents over all quantiles, which the explainer never saw. Matches in which a latent lacks contexts or a
 * label are left out as a whole, or the arms would no longer be matched.
 */
export function blindItems(
  matches: readonly MatchedLatents[],
  by: { readonly examples: (of: RatableLatent) => LatentExamples; readonly label: (of: RatableLatent) => string | undefined; readonly tokenizer: Pick<Tokenizer, 'token'> },
  options: BlindOptions = {},
): BlindItems {
  const { seed = 0, contexts = 10 } = options;
  const made = matches.flatMap((match, pair) => {
    const entries = match.flatMap((one) => {
      const label = by.label(one);
      const windows = spread(by.examples(one).scorer.quantiles, contexts);
      if (label === undefined || windows.length < contexts) return [];
      const id = createHash('sha256').update(JSON.stringify([seed, 'rating-item', one.sae, one.latent])).digest('hex').slice(0, 16);
      const shown = random(seed, 'contexts', id).shuffle([...windows]);
      const largest = shown.reduce((most, { peak }) => Math.max(most, peak), 0);
      const item: RatingItem = { id, label, contexts: shown.map((window) => contextOf(window, by.tokenizer, largest)) };
      return [{ item, key: { id, pair, sae: one.sae, latent: one.latent } }];
    });
    return entries.length === match.length ? entries : [];
  });
  const shuffled = random(seed, 'rating-order').shuffle([...made]);
  if (new Set(shuffled.map(({ item }) => item.id)).size !== shuffled.length) {
    throw new SalmonError('usage', { what: 'The same latent stands in two matches' });
  }
  return { items: shuffled.map(({ item }) => item), keys: shuffled.map(({ key }) => key).sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

function contextOf({ ids, activations }: Example, tokenizer: Pick<Tokenizer, 'token'>, largest: number): RatingContext {
  return {
    tokens: Array.from(ids, (id) => tokenizer.token(id)),
    strengths: Array.from(activations, (value) => (value > 0 ? Math.ceil((10 * value) / largest) / 10 : 0)),
  };
}

/** One window of each quantile in turn until there are enough. */
function spread(quantiles: readonly (readonly Example[])[], wanted: number): readonly Example[] {
  const longest = Math.max(0, ...quantiles.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => quantiles.flatMap((list) => list.slice(i, i + 1)))
    .flat()
    .slice(0, wanted);
}

import { blindItems, matchByDensity } from '@salmon-sae/autointerp';
import type { BlindItems, Example, LatentExamples, PoolExamples, RatableLatent } from '@salmon-sae/autointerp';
import { SalmonError } from '@salmon-sae/dataflow';
import type { FeatureCard, FeatureContext } from '@salmon-sae/dataflow';
import type { CardSet, OpenRun } from '../run/open-run.js';
import { NO_LABEL } from '../wire.js';

export interface RatingPlan {
  /** Secret behind order and ids. */
  readonly seed: number;
  /** Latents wanted of each arm; fewer where densities do not match. */
  readonly latents: number;
  /** Held-out contexts shown with each label. */
  readonly contexts: number;
  /** Ids of the two sets to compare; default: the headline SAEs of the broad and the domain arm. */
  readonly sets?: readonly [string, string];
}

/** Chooses, matches and blinds the latents to rate. Throws `no-data` where the run has too few explained latents. */
export async function ratingItems(run: OpenRun, plan: RatingPlan): Promise<BlindItems> {
  const sets = chosenSets(run, plan.sets);
  const cards = new Map<string, FeatureCard>();
  const arms = await Promise.all(sets.map((set) => ratable(set, plan.contexts, cards)));
  const matches = matchByDensity(arms, plan.latents, { seed: plan.seed });
  const words = new Vocabulary();
  const cardOf = (of: RatableLatent): FeatureCard => cards.get(`${of.sae}/${of.latent}`) as FeatureCard;
  const items = blindItems(
    matches,
    { examples: (of) => examplesOf(cardOf(of), words), label: (of) => cardOf(of).explanation?.text, tokenizer: words },
    { seed: plan.seed, contexts: plan.contexts },
  );
  if (items.items.length === 0) {
    throw new SalmonError('no-data', { what: 'No latents of the two arms match in density', where: sets.map(({ data }) => data.id).join(' and '), expected: `explained latents with ${plan.contexts} held-out contexts in both arms`, got: arms.map((arm) => arm.length).join(' and '), todo: 'Interpret more latents' });
  }
  return items;
}

/** In the order of their ids, which does not depend on what the arms are called. */
function chosenSets(run: OpenRun, ids: readonly [string, string] | undefined): readonly CardSet[] {
  const pick = (arm: string, text?: string): CardSet | undefined => {
    const own = run.sets.filter(({ data }) => data.arm === arm && (text === undefined || data.text === text));
    return own.find(({ data }) => data.headline) ?? own[0];
  };
  const domain = pick('domain');
  const found = ids === undefined ? [pick('broad', domain?.data.text), domain] : ids.map((id) => run.set(id));
  const sets = found.flatMap((set) => (set === undefined ? [] : [set]));
  if (sets.length !== 2 || sets[0] === sets[1]) {
    throw new SalmonError('no-data', { what: 'There are no two arms to rate against each other', where: run.folder, expected: ids === undefined ? 'cards of a broad and a domain arm' : 'two sets of the run', got: run.sets.map(({ data }) => data.id).join(', '), todo: 'Name two of these sets' });
  }
  return [...sets].sort((a, b) => (a.data.id < b.data.id ? -1 : 1));
}

async function ratable(set: CardSet, contexts: number, cards: Map<string, FeatureCard>): Promise<readonly RatableLatent[]> {
  const out: RatableLatent[] = [];
  for await (const card of set.cards.each()) {
    if (card.explanation === undefined || card.explanation.text === NO_LABEL || heldOut(card.contexts).length < contexts) continue;
    cards.set(`${set.data.sae}/${card.latent}`, card);
    out.push({ sae: set.data.sae, latent: card.latent, density: card.density });
  }
  return out;
}

/**
 * Contexts that the explainer never saw. Newer runs record it. In others the card's sample holds, quantile by quantile, first a window of the
 * scorer's documents and then one of the explainer's, so the first of each quantile is taken.
 */
export function heldOut(contexts: readonly FeatureContext[]): readonly FeatureContext[] {
  if (contexts.some(({ pool }) => pool !== undefined)) return contexts.filter(({ pool, quantile }) => pool === 'scorer' && quantile >= 0);
  const seen = new Set<number>([-1]);
  return contexts.filter(({ quantile }) => !seen.has(quantile) && seen.add(quantile));
}

function examplesOf(card: FeatureCard, words: Vocabulary): LatentExamples {
  const empty: PoolExamples = { top: [], quantiles: [], random: [], hard: [] };
  const byQuantile = new Map<number, Example[]>();
  for (const context of heldOut(card.contexts)) {
    const list = byQuantile.get(context.quantile) ?? [];
    list.push({
      doc: context.doc,
      domain: context.domain,
      ids: Int32Array.from(context.tokens, (token) => words.id(token)),
      activations: Float32Array.from(context.activations),
      // In the precision of the activations, so that the strongest is exactly 1 of the strongest.
      peak: Math.fround(context.peak),
      offset: 0,
      quantile: context.quantile,
      kind: 'activating',
    });
    byQuantile.set(context.quantile, list);
  }
  const quantiles = [...byQuantile].sort(([a], [b]) => a - b).map(([, list]) => list);
  return {
    sae: card.sae,
    latent: card.latent,
    tokens: 0,
    active: 0,
    density: card.density,
    maxActivation: card.maxActivation,
    meanActivation: 0,
    windows: card.contexts.length,
    explainer: empty,
    scorer: { ...empty, quantiles },
  };
}

/** Numbers for the cards' tokens, whose ids the cards do not hold. */
class Vocabulary {
  private readonly ids = new Map<string, number>();
  private readonly tokens: string[] = [];

  id(token: string): number {
    const known = this.ids.get(token);
    if (known !== undefined) return known;
    this.ids.set(token, this.tokens.length);
    this.tokens.push(token);
    return this.tokens.length - 1;
  }

  token(id: number): string {
    return this.tokens[id] ?? '';
  }
}

import type { FeatureCard, FeatureContext } from '@salmon-sae/dataflow';
import type { FeaturesData } from '../wire.js';

/** Words kept per latent for search. */
const WORDS = 12;

/** Collects the feature table's columns card by card. */
export class CardColumns {
  private readonly columns: MutableFeatures;

  constructor(
    set: string,
    private readonly text: string,
  ) {
    this.columns = { set, latent: [], density: [], max: [], score: [], explanation: [], token: [], words: [], contexts: [], dense: [], domain: [], near: {} };
  }

  add(card: FeatureCard): void {
    const c = this.columns;
    const row = c.latent.length;
    c.latent.push(card.latent);
    c.density.push(Number(card.density.toPrecision(5)));
    c.max.push(Number(card.maxActivation.toPrecision(5)));
    c.score.push(detectionOf(card));
    c.explanation.push(card.explanation?.text ?? '');
    c.token.push(mostFrequent(card.contexts.map(peakToken)));
    c.words.push(wordCounts(card.contexts));
    c.contexts.push(card.contexts.length);
    c.dense.push(card.denseClass === undefined ? null : (card.denseClass ?? ''));
    c.domain.push(card.domainShare === undefined ? null : Number((card.domainShare[this.text] ?? 0).toFixed(4)));
    for (const { sae, latent, cosine } of card.neighbours) {
      const near = (c.near[sae] ??= { latent: [], cosine: [] });
      const best = near.cosine[row];
      if (best !== undefined && best !== null && best >= cosine) continue;
      near.latent[row] = latent;
      near.cosine[row] = Number(cosine.toFixed(4));
    }
  }

  done(): FeaturesData {
    const rows = this.columns.latent.length;
    for (const near of Object.values(this.columns.near)) {
      for (let row = 0; row < rows; row++) {
        near.latent[row] ??= null;
        near.cosine[row] ??= null;
      }
    }
    return this.columns;
  }
}

type MutableFeatures = { -readonly [K in keyof FeaturesData]: FeaturesData[K] extends readonly (infer T)[] ? T[] : FeaturesData[K] } & {
  near: Record<string, { latent: (number | null)[]; cosine: (number | null)[] }>;
};

function detectionOf(card: FeatureCard): number | null {
  const score = card.explanation?.scores.find(({ scorer, metric }) => scorer === 'detection' && metric === 'balancedAccuracy');
  return score === undefined ? null : Number(score.value.toFixed(4));
}

function peakIndex({ activations }: FeatureContext): number {
  let best = 0;
  for (let i = 1; i < activations.length; i++) if ((activations[i] ?? 0) > (activations[best] ?? 0)) best = i;
  return best;
}

function peakToken(context: FeatureContext): string {
  return context.tokens[peakIndex(context)] ?? '';
}

/** The whole word around a context's peak: pieces that go on a word are joined to it. */
export function peakWord(context: FeatureContext): string {
  const { tokens } = context;
  let from = peakIndex(context);
  let to = from + 1;
  while (from > 0 && goesOn(tokens[from] ?? '')) from -= 1;
  while (to < tokens.length && goesOn(tokens[to] ?? '')) to += 1;
  return tokens
    .slice(from, to)
    .join('')
    .trim()
    .toLowerCase()
    .replaceAll(/^[^\p{L}\p{N}]+(?=[\p{L}\p{N}])|(?<=[\p{L}\p{N}])[^\p{L}\p{N}]+$/gu, '');
}

function goesOn(piece: string): boolean {
  return /^[\p{L}\p{N}'’-]/u.test(piece);
}

function counted(items: readonly string[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

function mostFrequent(items: readonly string[]): string {
  return counted(items)[0]?.[0] ?? '';
}

function wordCounts(contexts: readonly FeatureContext[]): string {
  return counted(contexts.map(peakWord).filter((word) => /[\p{L}\p{N}]/u.test(word)))
    .slice(0, WORDS)
    .map(([word, n]) => `${word.replaceAll(/[\s:]+/g, '')}:${n}`)
    .join(' ');
}

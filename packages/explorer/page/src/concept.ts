import type { FeaturesData } from '../../src/wire.js';
import { wordsOf } from './format.js';

/** Below this decoder cosine a latent counts as having no counterpart (the threshold of the run's overlap tables). */
export const SHARED = 0.7;

export interface ConceptMatch {
  readonly row: number;
  /** Share of its contexts that peak on a word of the concept, plus one half where its explanation names it. */
  readonly strength: number;
  readonly share: number;
}

/** The words of a query that count. */
export function termsOf(query: string): readonly string[] {
  return query.toLowerCase().split(/[\s,]+/).filter((term) => term.length > 1);
}

/** Latents of an SAE that fire on words beginning with one of the query's words, or whose explanation names one. */
export function conceptMatches(data: FeaturesData, query: string): readonly ConceptMatch[] {
  const terms = termsOf(query);
  if (terms.length === 0) return [];
  const out: ConceptMatch[] = [];
  data.latent.forEach((_, row) => {
    const explanation = (data.explanation[row] ?? '').toLowerCase();
    const hits = wordsOf(data.words[row] ?? '').reduce((sum, { word, count }) => (terms.some((term) => word.startsWith(term)) ? sum + count : sum), 0);
    const share = hits / Math.max(1, data.contexts[row] ?? 1);
    const named = terms.some((term) => new RegExp(`(^|[^\\p{L}])${term.replaceAll(/[^\p{L}\p{N}]/gu, '')}`, 'u').test(explanation));
    const strength = share + (named ? 0.5 : 0);
    if (strength > 0) out.push({ row, strength, share });
  });
  return out.sort((a, b) => b.strength - a.strength || (data.density[b.row] ?? 0) - (data.density[a.row] ?? 0));
}

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
  return query.toLowerCase().split(/[\s,]+/).filter((term) => term.length > 1 && /[\p{L}\p{N}]/u.test(term));
}

/** Latents of an SAE that fire on words beginning with one of the query's words, or whose explanation names one. */
export function conceptMatches(data: FeaturesData, query: string): readonly ConceptMatch[] {
  const terms = termsOf(query);
  if (terms.length === 0) return [];
  const named = terms.map((term) => new RegExp(`(^|[^\\p{L}])${term.replaceAll(/[^\p{L}\p{N}]/gu, '')}`, 'u'));
  const out: ConceptMatch[] = [];
  data.latent.forEach((_, row) => {
    const explanation = (data.explanation[row] ?? '').toLowerCase();
    const words = data.words[row] ?? '';
    // Most latents hold none of the terms, and are left at once.
    const hits = terms.some((term) => words.includes(term)) ? wordsOf(words).reduce((sum, { word, count }) => (terms.some((term) => word.startsWith(term)) ? sum + count : sum), 0) : 0;
    const share = hits / Math.max(1, data.contexts[row] ?? 1);
    const strength = share + (explanation !== '' && named.some((pattern) => pattern.test(explanation)) ? 0.5 : 0);
    if (strength > 0) out.push({ row, strength, share });
  });
  return out.sort((a, b) => b.strength - a.strength || (data.density[b.row] ?? 0) - (data.density[a.row] ?? 0));
}

/** Words that single latents of a list are about: those at half of a latent's peaks or more, the most common latents first. */
export function suggestions(data: FeaturesData, rows: readonly number[], wanted: number): readonly string[] {
  const found = new Set<string>();
  for (const row of rows) {
    if (found.size >= wanted) break;
    const [first] = wordsOf(data.words[row] ?? '');
    if (first !== undefined && first.word.length > 3 && /^\p{L}+$/u.test(first.word) && 2 * first.count >= (data.contexts[row] ?? 0)) found.add(first.word);
  }
  return [...found];
}

import type { Tokenizer } from '@salmon-sae/dataflow';
import type { Explained } from '../explain/explainer.js';

const EMPTY_WORDS = new Set(
  ('a about after all also an and any are as at be been before being both but by can contain contains do does each fires for from ' +
    'has have how in into is it its latent like many mention mentions more most name names no not of on one only or other over ' +
    'related same some such text texts that the their them these they things this those to token tokens under used uses various was ' +
    'were what when where which while who with word words').split(' '),
);

/**
 * Token ids of the words an explanation claims: the words its rule names or was seen to match, else what it puts in quotes,
 * else its content words. A word of several tokens stands with its first one, as it would begin in running text.
 */
export function claimedTokens(explained: Explained, tokenizer: Pick<Tokenizer, 'encode'>): Int32Array {
  const ids = new Set<number>();
  for (const word of claimedWords(explained)) {
    const first = tokenizer.encode(/^[\p{L}\p{N}]/u.test(word) ? ` ${word}` : word)[0];
    if (first !== undefined) ids.add(first);
  }
  return Int32Array.from(ids).sort();
}

function claimedWords({ rule, text }: Explained): readonly string[] {
  if (rule !== undefined) {
    return rule.clauses.flatMap((clause) => {
      if (clause.kind === 'word' || clause.kind === 'piece' || clause.kind === 'topic') return [clause.value];
      return clause.kind === 'start' ? [] : clause.words;
    });
  }
  const quoted = [...text.matchAll(/["“'‘]([^"”'’]{1,40})["”'’]/gu)].map((match) => (match[1] as string).trim()).filter((w) => w !== '');
  if (quoted.length > 0) return quoted;
  const words = text.toLowerCase().match(/\p{L}[\p{L}'-]*/gu) ?? [];
  return words.filter((word) => word.length > 2 && !EMPTY_WORDS.has(word));
}

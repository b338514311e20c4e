import { wordnetTaxonomy } from '@salmon-sae/corpus';
import type { WordnetTaxonomy } from '@salmon-sae/corpus';
import type { TokenBatch } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';

/** Document ids of the WordNet source. */
const WORDNET = /^wordnet\/(.+)$/;

/** Documents about senses of one head word are one group: their questions and answers are worded alike. Others are their own group. */
export function wordnetGroups(taxonomy: Pick<WordnetTaxonomy, 'synsets'>): (doc: string) => string {
  return (doc) => {
    const id = WORDNET.exec(doc)?.[1];
    const word = id === undefined ? undefined : taxonomy.synsets.get(id)?.lemmas[0];
    return word === undefined ? doc : `wordnet lemma ${word.toLowerCase()}`;
  };
}

/**
 * What of a document id names its group: the pattern's first bracket, or all it matches; ids that it does not match are their own group.
 * Throws `usage` for what is no pattern.
 */
export function patternGroups(pattern: string): (doc: string) => string {
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, 'u');
  } catch (cause) {
    throw new SalmonError('usage', { what: 'The group is no regular expression', got: pattern, todo: 'Give one that finds the group in a document id, for example ^([^#]+)#' }, { cause });
  }
  return (doc) => {
    const found = expression.exec(doc);
    return found === null ? doc : (found[1] ?? found[0]);
  };
}

/** The groups of a text by what its document ids say; reads WordNet only where documents come from it. */
export async function groupsOf(rows: readonly TokenBatch[]): Promise<(doc: string) => string> {
  const wordnet = rows.some(({ docs }) => docs.some((doc) => WORDNET.test(doc)));
  return wordnet ? wordnetGroups(await wordnetTaxonomy()) : (doc) => doc;
}

import { random } from '@salmon-sae/dataflow';
import type { Synset } from '@salmon-sae/dataflow/wordnet';
import type { WordnetTaxonomy } from './taxonomy.js';

interface Pair {
  readonly question: string;
  readonly answer: string;
}

/** Names listed in one answer. */
const LISTED = 8;

/**
 * A synset as questions and answers, made from its definition, examples and relations and from nothing else. The wording varies with the
 * synset's id, so a synset's text is always the same.
 */
export function synsetText(synset: Synset, taxonomy: WordnetTaxonomy): string {
  const draw = random(0, 'wordnet', synset.id);
  const pick = (...wordings: readonly string[]): string => wordings[draw.below(wordings.length)]!;
  const pairs = synset.pos === 'n' ? nounPairs(synset, taxonomy, pick) : otherPairs(synset, taxonomy, pick);
  return pairs.map(({ question, answer }) => `Question: ${question}\nAnswer: ${sentence(answer)}`).join('\n\n');
}

type Pick = (...wordings: readonly string[]) => string;

function nounPairs(synset: Synset, taxonomy: WordnetTaxonomy, pick: Pick): readonly Pair[] {
  const word = synset.lemmas[0]!;
  const pairs: Pair[] = [definitionPair(synset, pick(`What is ${word}?`, `What is meant by ${word}?`, `What is ${word}?`), pick)];
  const listed = lister(synset, taxonomy);
  const add = (names: string, question: string, answer: string): void => {
    if (names !== '') pairs.push({ question, answer });
  };
  const above = listed('hypernym');
  add(above, `What kind of thing is ${word}?`, pick(`${word} is a kind of ${above}`, `It is a kind of ${above}`, above));
  const classOf = listed('instance-hypernym');
  add(classOf, pick(`What is ${word} an example of?`, `What kind of thing is ${word}?`), `${word} is an instance of ${classOf}`);
  pairs.push(...synonymPair(synset, pick));
  const kinds = listed('hyponym');
  add(kinds, pick(`What kinds of ${word} are there?`, `What are some kinds of ${word}?`), pick(`Kinds of ${word} include ${kinds}`, kinds));
  const instances = listed('instance-hyponym');
  add(instances, `What are examples of ${word}?`, `Examples of ${word} are ${instances}`);
  const parts = listed('part-meronym');
  add(parts, pick(`What are the parts of ${word}?`, `What does ${word} consist of?`), pick(`The parts of ${word} include ${parts}`, `${word} has these parts: ${parts}`));
  const substances = listed('substance-meronym');
  add(substances, `What is ${word} made of?`, `${word} contains ${substances}`);
  const members = listed('member-meronym');
  add(members, `What belongs to ${word}?`, `Members of ${word} include ${members}`);
  const whole = listed('part-holonym', 'substance-holonym');
  add(whole, `What is ${word} part of?`, pick(`${word} is part of ${whole}`, `It is a part of ${whole}`));
  const group = listed('member-holonym');
  add(group, `What group does ${word} belong to?`, `${word} belongs to ${group}`);
  pairs.push(...sharedPairs(synset, taxonomy, word));
  return pairs;
}

function otherPairs(synset: Synset, taxonomy: WordnetTaxonomy, pick: Pick): readonly Pair[] {
  const word = synset.lemmas[0]!;
  const asVerb = synset.pos === 'v';
  const named = asVerb ? `to ${word}` : word;
  const question = asVerb ? pick(`What does it mean to ${word}?`, `What does the verb ${word} mean?`) : pick(`What does ${word} mean?`, `What is meant by ${word}?`);
  const pairs: Pair[] = [definitionPair(synset, question, pick)];
  const listed = lister(synset, taxonomy);
  const add = (names: string, asked: string, answer: string): void => {
    if (names !== '') pairs.push({ question: asked, answer });
  };
  pairs.push(...synonymPair(synset, pick));
  const above = listed('hypernym');
  add(above, `What is ${named} a way of doing?`, pick(`It is a way to ${above}`, `To ${word} is one way to ${above}`));
  const ways = listed('hyponym');
  add(ways, `What are ways to ${word}?`, `Ways to ${word} are to ${ways}`);
  const involved = listed('entailment');
  add(involved, `What does it take ${named}?`, `It involves to ${involved}`);
  const caused = listed('cause');
  add(caused, `What does it lead to when you ${word}?`, `It causes to ${caused}`);
  const similar = listed('similar');
  add(similar, `What words are similar to ${word}?`, pick(`Similar words are ${similar}`, similar));
  const quality = listed('attribute');
  add(quality, `What quality does ${word} describe?`, `It describes ${quality}`);
  const base = listed('pertainym');
  add(base, `What does the word ${word} relate to?`, `It relates to ${base}`);
  pairs.push(...sharedPairs(synset, taxonomy, word));
  return pairs;
}

function definitionPair(synset: Synset, question: string, pick: Pick): Pair {
  const word = synset.lemmas[0]!;
  const definition = synset.definition.replace(/^\([^)]*\)\s*/, '') || synset.definition;
  if (definition === '') return { question, answer: `${word} is a word` };
  if (synset.pos !== 'n') return { question, answer: pick(definition, `It means: ${definition}`) };
  return { question, answer: pick(`${word} is ${definition}`, definition, `${word} is ${definition}`) };
}

function synonymPair(synset: Synset, pick: Pick): readonly Pair[] {
  const [word, ...others] = synset.lemmas;
  if (word === undefined || others.length === 0) return [];
  const names = list(others.slice(0, LISTED), 'or');
  return [{ question: pick(`What is another name for ${word}?`, `What else is ${word} called?`, `What is a synonym of ${word}?`), answer: pick(`${word} is also called ${names}`, names) }];
}

/** Field, opposite and use: what every part of speech may have. */
function sharedPairs(synset: Synset, taxonomy: WordnetTaxonomy, word: string): readonly Pair[] {
  const pairs: Pair[] = [];
  const fields = lister(synset, taxonomy)('topic');
  if (fields !== '') pairs.push({ question: `In which field is the word ${word} used?`, answer: `It is used in ${fields}` });
  const opposites = new Set<string>();
  for (const pointer of synset.pointers) {
    const target = pointer.kind === 'antonym' ? taxonomy.synsets.get(pointer.to) : undefined;
    if (target !== undefined) opposites.add(target.lemmas[Math.max(0, pointer.word)] ?? target.lemmas[0]!);
  }
  if (opposites.size > 0) pairs.push({ question: `What is the opposite of ${word}?`, answer: `The opposite is ${list([...opposites].slice(0, LISTED), 'or')}` });
  if (synset.examples.length > 0) {
    pairs.push({ question: `How is the word ${word} used?`, answer: synset.examples.slice(0, 3).map((example) => `"${example}"`).join('; ') });
  }
  return pairs;
}

function lister(synset: Synset, taxonomy: WordnetTaxonomy): (...kinds: Parameters<WordnetTaxonomy['related']>[1][]) => string {
  return (...kinds) => {
    const names = new Set(taxonomy.related(synset.id, ...kinds).map((target) => target.lemmas[0]!));
    names.delete(synset.lemmas[0]!);
    return list([...names].slice(0, LISTED), 'and');
  };
}

function list(names: readonly string[], joint: 'and' | 'or'): string {
  if (names.length < 2) return names[0] ?? '';
  return `${names.slice(0, -1).join(', ')} ${joint} ${names.at(-1)!}`;
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?"]$/.test(capital) ? capital : `${capital}.`;
}

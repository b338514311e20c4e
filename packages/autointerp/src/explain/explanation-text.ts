import type { Clause, LexicalRule } from './lexical-rule.js';

/** A rule in words. */
export function describeRule(rule: LexicalRule): string {
  if (rule.clauses.length === 0) return 'No lexical pattern found.';
  const parts: string[] = [];
  const words = rule.clauses.filter((clause) => clause.kind === 'word');
  const topics = rule.clauses.filter((clause) => clause.kind === 'topic');
  const said = new Set<Clause['kind']>();
  for (const clause of rule.clauses) {
    if (clause.kind === 'word' || clause.kind === 'topic') {
      if (said.has(clause.kind)) continue;
      said.add(clause.kind);
      const all = clause.kind === 'word' ? words : topics;
      const list = all.map((c) => quote(c.value)).join(', ');
      parts.push(clause.kind === 'word' ? `the word${all.length > 1 ? 's' : ''} ${list}` : `text that mentions ${list}`);
    } else parts.push(describe(clause));
  }
  return `Fires on ${parts.join('; ')}.`;
}

function describe(clause: Clause): string {
  const examples = clause.words.slice(0, 4).map(quote).join(', ');
  switch (clause.kind) {
    case 'suffix':
      return `words ending in ${quote(`-${clause.value}`)} (${examples})`;
    case 'prefix':
      return `words beginning with ${quote(`${clause.value}-`)} (${examples})`;
    case 'kind':
      return `kinds of ${clause.value} (${examples})`;
    case 'phrase':
      return `the phrase ${quote(clause.value)}`;
    case 'after':
      return `what follows ${quote(clause.value)} (${examples})`;
    case 'piece':
      return `the word piece ${quote(clause.value)} (${examples})`;
    case 'shape':
      return `${SHAPES[clause.value] ?? clause.value} (${examples})`;
    case 'start':
      return clause.value === '1' ? 'the first token of a text' : `the first ${clause.value} tokens of a text`;
    case 'word':
      return `the word ${quote(clause.value)}`;
    case 'topic':
      return `text that mentions ${quote(clause.value)}`;
  }
}

const SHAPES: Readonly<Record<string, string>> = {
  number: 'numbers',
  capitalised: 'capitalised words',
  punctuation: 'punctuation',
  'line break': 'line breaks',
};

function quote(text: string): string {
  return `"${text.replaceAll('\n', '\\n')}"`;
}

import { beforeAll, describe, expect, it } from 'vitest';
import { idOf, LATENTS, planted, tokenizer } from '../../test/planted-corpus.js';
import { ExampleCollector } from '../examples/example-collector.js';
import type { ExampleBook } from '../examples/example-book.js';
import { lexicalExplainer } from './lexical-explainer.js';
import { lexicalRuleSchema, readWithRule } from './lexical-rule.js';
import { PredicateReader } from './predicates.js';
import { openWordNet } from './taxonomy.js';
import type { Taxonomy } from './taxonomy.js';
import { windowReader } from './text-window.js';

describe('lexicalExplainer', () => {
  let book: ExampleBook;
  let taxonomy: Taxonomy;

  beforeAll(async () => {
    taxonomy = await openWordNet();
    const collector = new ExampleCollector([{ name: 'planted', latents: LATENTS.count }], { window: 16 });
    for (const { tokens, coded } of planted({ batches: 30 })) collector.add(tokens, coded);
    book = collector.finish();
  });

  const explain = (latent: number): NonNullable<ReturnType<ReturnType<typeof lexicalExplainer>['explain']>> => {
    const found = lexicalExplainer(book, { tokenizer, taxonomy }).explain(book.latent('planted', latent));
    if (found === undefined) throw new Error('nothing explained');
    return found;
  };

  it('names the word of a one-word latent and nothing else', () => {
    const { text, rule } = explain(LATENTS.fever);
    expect(rule?.clauses.map(({ kind, value }) => [kind, value])).toEqual([['word', 'fever']]);
    expect(text).toBe('Fires on the word "fever".');
  });

  it('finds an ending shared by many words', () => {
    const first = explain(LATENTS.ending).rule?.clauses[0];
    expect(first?.kind).toBe('suffix');
    expect('itis'.endsWith(first?.value ?? '?') || first?.value.endsWith('itis')).toBe(true);
    expect(first?.coverage).toBe(1);
    expect(explain(LATENTS.ending).text).toMatch(/words ending in "-\w*is"/);
  });

  it('finds what comes before', () => {
    const first = explain(LATENTS.afterOf).rule?.clauses[0];
    expect([first?.kind, first?.value]).toEqual(['after', 'of']);
  });

  it('finds the WordNet kind that the words share', () => {
    const clause = explain(LATENTS.animals).rule?.clauses[0];
    expect(clause?.kind).toBe('kind');
    expect(['placental', 'mammal', 'eutherian', 'ungulate', 'animal', 'vertebrate', 'hoofed mammal', 'craniate', 'chordate']).toContain(clause?.value);
  });

  it('claims little about a latent that fires at random', () => {
    const { rule } = explain(LATENTS.noise);
    expect(Math.max(0, ...(rule?.clauses ?? []).map((c) => c.coverage))).toBeLessThan(0.35);
  });

  it('says nothing about a latent without examples', () => {
    expect(lexicalExplainer(book, { tokenizer }).explain(book.latent('planted', LATENTS.silent))).toBeUndefined();
  });

  it('is deterministic and its rule survives JSON', () => {
    const { rule } = explain(LATENTS.ending);
    expect(explain(LATENTS.ending).rule).toEqual(rule);
    expect(lexicalRuleSchema.parse(JSON.parse(JSON.stringify(rule)))).toEqual(rule);
  });

  it('applies a rule token by token', () => {
    const { rule } = explain(LATENTS.fever);
    const window = windowReader(tokenizer)({ ids: Int32Array.from([' the', ' fever', ' stone'].map(idOf)), offset: 0 });
    if (rule === undefined) throw new Error('no rule');
    const reading = readWithRule(rule, window, new PredicateReader());
    expect([...reading.matched]).toEqual([0, 1, 0]);
    expect(reading.probability).toBeGreaterThan(rule.threshold);
    expect(reading.activations[0]).toBe(0);
    expect(reading.activations[1]).toBeGreaterThan(0.5);
  });
});

describe('windowReader', () => {
  const surfaces = [' Mon', 'onu', 'cle', 'osis', ',', ' don', "'", 't', '\n', ' 42'];
  const window = windowReader({ token: (id) => surfaces[id] ?? '' })({ ids: Int32Array.from(surfaces.keys()), offset: 0 });

  it('joins pieces to words and keeps punctuation, numbers and line breaks apart', () => {
    expect(window.words).toEqual(['mononucleosis', ',', "don't", '\n', '42']);
    expect([...window.wordOf]).toEqual([0, 0, 0, 0, 1, 2, 2, 2, 3, 4]);
    expect([...window.split]).toEqual([1, 0, 1, 0, 0]);
    expect([...window.capital]).toEqual([1, 0, 0, 0, 0]);
  });
});

describe('openWordNet', () => {
  it('knows kinds, plurals and unknown words, and leaves out the broadest kinds', async () => {
    const taxonomy = await openWordNet();
    expect(taxonomy.ancestors('measles')).toContain('disease');
    expect(taxonomy.ancestors('arteries')).toEqual(taxonomy.ancestors('artery'));
    expect(taxonomy.ancestors('arteries')).toContain('artery');
    expect(taxonomy.ancestors('xyzzy')).toEqual([]);
    expect(taxonomy.ancestors('dog')).not.toContain('entity');
  });

  it('says which file is missing', async () => {
    await expect(openWordNet({ folder: '/nowhere' })).rejects.toThrow(/index.noun|data.noun/);
  });
});

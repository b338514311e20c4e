import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Loopback } from '../../test/loopback-llm.js';
import { loopback, userText } from '../../test/loopback-llm.js';
import { LATENTS, planted, tokenizer } from '../../test/planted-corpus.js';
import type { ExampleBook } from '../examples/example-book.js';
import { ExampleCollector } from '../examples/example-collector.js';
import { explainLatents } from '../explain/explain-latents.js';
import type { Explained } from '../explain/explainer.js';
import { detectionScore } from '../score/detection-score.js';
import { fuzzingScore } from '../score/fuzzing-score.js';
import { simulationScore } from '../score/simulation-score.js';
import { llmClient } from './client.js';
import type { LlmClient } from './client.js';
import { llmConfig } from './config.js';
import { llmExplainer } from './llm-explainer.js';
import { llmJudge } from './llm-judge.js';

/** A reader that knows exactly one thing: whether the description's quoted word stands in the text (between marks). */
function answer(body: { readonly [key: string]: unknown }): string {
  const text = userText(body);
  const word = /Description: .*"(\w+)"/.exec(text)?.[1];
  if (word === undefined) {
    const first = /<<(.*?)>>/.exec(text)?.[1] ?? '';
    return JSON.stringify({ explanation: `the word "${first}"` });
  }
  if (text.includes('Tokens (')) {
    const tokens = text.split('\n').filter((line) => /^\d+\. "/.test(line));
    return JSON.stringify({ levels: tokens.map((line) => (line.includes(`${word}"`) ? 10 : 0)) });
  }
  const excerpts = text.split(/Excerpt \d+:\n/).slice(1);
  const sought = text.includes('<<') ? `<<${word}>>` : ` ${word}`;
  return `Here you are: ${JSON.stringify({ answers: excerpts.map((e) => (e.includes(sought) ? 0.9 : 0.1)) })}`;
}

describe('LLM explainer and judge over a real connection', () => {
  let server: Loopback;
  let book: ExampleBook;
  let client: LlmClient;

  beforeAll(async () => {
    server = await loopback(answer);
    client = llmClient(llmConfig({ provider: 'openai-compatible', model: 'reader', baseUrl: server.url }));
    const collector = new ExampleCollector([{ name: 'planted', latents: LATENTS.count }], { window: 16 });
    for (const { tokens, coded } of planted({ batches: 20 })) collector.add(tokens, coded);
    book = collector.finish();
  });

  afterAll(() => server.close());

  it('explains from the explainer\'s windows only', async () => {
    const examples = book.latent('planted', LATENTS.fever);
    const explained = await llmExplainer(client, { tokenizer }).explain(examples);
    expect(explained).toMatchObject({ text: 'the word "fever"', method: 'openai-compatible/reader/explain-1', latent: LATENTS.fever });
    const shown = userText(server.seen.at(-1)?.body ?? {});
    expect(shown.match(/^Excerpt /gm)).toHaveLength(20);
    expect(shown).toMatch(/Strongest: " fever" (9|10)/);
    expect(shown.match(/^Silent excerpt /gm)).toHaveLength(5);
    for (const example of examples.scorer.quantiles.flat()) expect(shown).not.toContain(example.ids.length > 6 ? tokenizer.decode(example.ids) : '\0');
  });

  it('detects, fuzzes and simulates', async () => {
    const examples = book.latent('planted', LATENTS.fever);
    const explained: Explained = { sae: 'planted', latent: LATENTS.fever, text: 'the word "fever"', method: 'llm' };
    const judge = llmJudge(client, { tokenizer, perPrompt: 7 });
    const detection = await detectionScore(examples, { explained, judge });
    expect(detection?.balancedAccuracy.value).toBe(1);
    expect(detection?.failures.value).toBe(0);
    expect((await fuzzingScore(examples, { explained, judge }))?.balancedAccuracy.value).toBeGreaterThan(0.95);
    expect((await simulationScore(examples, { explained, judge }))?.correlation.value).toBeGreaterThan(0.95);
    expect((await detectionScore(examples, { explained: { ...explained, text: 'the word "ladder"' }, judge }))?.balancedAccuracy.value).toBeLessThan(0.65);
  });

  it('counts windows of unreadable answers as failures', async () => {
    const examples = book.latent('planted', LATENTS.ending);
    server.script.push({ kind: 'answer', text: 'no' }, { kind: 'answer', text: '{"answers": [1]}' });
    const explained: Explained = { sae: 'planted', latent: LATENTS.ending, text: 'the word "arthritis"', method: 'llm' };
    const score = await detectionScore(examples, { explained, judge: llmJudge(client, { tokenizer }) });
    expect((score?.failures.value ?? 0) * (score?.failures.n ?? 0)).toBeCloseTo(10, 6);
  });

  it('explains many latents in order', async () => {
    const out = [];
    for await (const one of explainLatents([LATENTS.fever, LATENTS.silent, LATENTS.ending], { explainer: llmExplainer(client, { tokenizer }), examples: (l) => book.latent('planted', l) }, { concurrency: 3 })) out.push(one);
    expect(out.map((o) => o.latent)).toEqual([LATENTS.fever, LATENTS.silent, LATENTS.ending]);
    expect(out[1]?.explained).toBeUndefined();
    expect(out[2]?.explained?.text).toMatch(/itis/);
  });
});

import { beforeAll, describe, expect, it } from 'vitest';
import { LATENTS, planted, tokenizer } from '../../test/planted-corpus.js';
import type { ExampleBook } from '../examples/example-book.js';
import { ExampleCollector } from '../examples/example-collector.js';
import type { Explained } from '../explain/explainer.js';
import { lexicalExplainer } from '../explain/lexical-explainer.js';
import { detectionScore } from './detection-score.js';
import { fuzzingScore } from './fuzzing-score.js';
import type { Judge, ShownWindow } from './judge.js';
import { lexicalJudge } from './lexical-judge.js';
import { scoreExplanations } from './score-explanations.js';
import { shuffledExplanations } from './shuffled-explanations.js';
import { simulationScore } from './simulation-score.js';

describe('scorers', () => {
  let book: ExampleBook;
  let explained: readonly Explained[];
  const judge = lexicalJudge({ tokenizer });
  const by = (latent: number): { explained: Explained; judge: Judge } => ({ explained: explained.find((e) => e.latent === latent) as Explained, judge });

  beforeAll(() => {
    const collector = new ExampleCollector([{ name: 'planted', latents: LATENTS.count }], { window: 16 });
    for (const { tokens, coded } of planted({ batches: 30 })) collector.add(tokens, coded);
    book = collector.finish();
    const explainer = lexicalExplainer(book, { tokenizer });
    explained = [LATENTS.ending, LATENTS.fever, LATENTS.afterOf, LATENTS.noise, LATENTS.animals].map(
      (latent) => explainer.explain(book.latent('planted', latent)) as Explained,
    );
  });

  it('detection: near 1 for latents with a pattern, near 0.5 for one without', async () => {
    for (const latent of [LATENTS.ending, LATENTS.fever, LATENTS.afterOf]) {
      const score = await detectionScore(book.latent('planted', latent), by(latent));
      expect(score?.balancedAccuracy.value).toBeGreaterThan(0.95);
      expect(score?.auc.value).toBeGreaterThan(0.95);
      expect(score?.f1.value).toBeGreaterThan(0.95);
      expect(score?.balancedAccuracy.low).toBeGreaterThan(0.8);
      expect(score?.balancedAccuracy.high).toBeLessThanOrEqual(1);
      expect(score?.recallByQuantile).toHaveLength(10);
      expect(score?.failures.value).toBe(0);
      expect(score?.specificityHard.n).toBeGreaterThan(0);
    }
    const noise = await detectionScore(book.latent('planted', LATENTS.noise), by(LATENTS.noise));
    expect(Math.abs((noise?.balancedAccuracy.value ?? 0) - 0.5)).toBeLessThan(0.15);
  });

  it('control: another latent\'s explanation scores at chance', async () => {
    const controls = shuffledExplanations(explained, 3);
    controls.forEach((control, i) => {
      expect(control.latent).toBe((explained[i] as Explained).latent);
      expect(control.text).not.toBe((explained[i] as Explained).text);
    });
    const scored = [];
    for await (const one of scoreExplanations(explained, { judge, examples: (e) => book.latent(e.sae, e.latent) })) scored.push(one);
    expect(scored).toHaveLength(5);
    const fever = scored[1];
    const row = fever?.explanation.scores.find((s) => s.metric === 'balancedAccuracy');
    expect(row?.value).toBeGreaterThan(0.95);
    expect(Math.abs((row?.control ?? 0) - 0.5)).toBeLessThan(0.2);
    expect(row?.scorer).toBe('detection');
  });

  it('fuzzing tells right marks from wrong ones, on silent and on active windows', async () => {
    for (const negatives of ['silent', 'active'] as const) {
      const score = await fuzzingScore(book.latent('planted', LATENTS.fever), by(LATENTS.fever), { negatives });
      expect(score?.balancedAccuracy.value).toBeGreaterThan(0.95);
    }
  });

  it('fuzzing marks as many wrong tokens as right ones', async () => {
    const seen: ShownWindow[] = [];
    const spy: Judge = { ...judge, fuzz: async (e, windows) => (seen.push(...windows), judge.fuzz(e, windows)) };
    await fuzzingScore(book.latent('planted', LATENTS.fever), { ...by(LATENTS.fever), judge: spy });
    const marks = (right: boolean): number[] =>
      seen
        .filter((w) => [...w.ids].some((id, t) => w.marks?.[t] === 1 && tokenizer.token(id) === ' fever') === right)
        .map((w) => [...(w.marks ?? [])].reduce((a, b) => a + b, 0));
    const mean = (list: number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
    expect(Math.abs(mean(marks(true)) - mean(marks(false)))).toBeLessThan(1);
  });

  it('simulation correlates with the truth where the pattern is known', async () => {
    const good = await simulationScore(book.latent('planted', LATENTS.fever), by(LATENTS.fever));
    expect(good?.correlation.value).toBeGreaterThan(0.95);
    expect(good?.correlation.low).toBeGreaterThan(0.9);
    const noise = await simulationScore(book.latent('planted', LATENTS.noise), by(LATENTS.noise));
    expect(Math.abs(noise?.correlation.value ?? 1)).toBeLessThan(0.3);
  });

  it('judges see neither activations nor which windows fire', async () => {
    const seen: ShownWindow[] = [];
    const spy: Judge = { ...judge, detect: async (e, windows) => (seen.push(...windows), judge.detect(e, windows)) };
    await detectionScore(book.latent('planted', LATENTS.fever), { ...by(LATENTS.fever), judge: spy });
    for (const window of seen) expect(Object.keys(window).sort()).toEqual(['ids', 'offset']);
    const order = seen.map((w) => [...w.ids].some((id) => tokenizer.token(id) === ' fever'));
    expect(order.lastIndexOf(true)).toBeGreaterThan(order.indexOf(false));
  });

  it('counts unreadable answers and leaves them out of the score', async () => {
    const silentHalf: Judge = { ...judge, detect: async (e, w) => (await judge.detect(e, w)).map((v, i) => (i % 2 === 0 ? v : undefined)) };
    const score = await detectionScore(book.latent('planted', LATENTS.fever), { ...by(LATENTS.fever), judge: silentHalf });
    expect(score?.failures.value).toBeCloseTo(0.5, 1);
    expect(score?.balancedAccuracy.value).toBeGreaterThan(0.95);
    expect((score?.tp ?? 0) + (score?.fn ?? 0) + (score?.tn ?? 0) + (score?.fp ?? 0)).toBe((score?.failures.n ?? 0) / 2);
  });

  it('has no score for a latent without windows of both classes', async () => {
    expect(await detectionScore(book.latent('planted', LATENTS.silent), by(LATENTS.fever))).toBeUndefined();
  });

  it('refuses an explanation it cannot apply', async () => {
    const words: Explained = { sae: 'planted', latent: LATENTS.fever, text: 'heat', method: 'llm' };
    await expect(detectionScore(book.latent('planted', LATENTS.fever), { explained: words, judge })).rejects.toThrow(/without a rule/);
  });
});

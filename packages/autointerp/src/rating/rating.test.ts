import { random } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import { LATENTS, planted, tokenizer } from '../../test/planted-corpus.js';
import { ExampleCollector } from '../examples/example-collector.js';
import { cohenKappa, fleissKappa } from '../statistics/kappa.js';
import { blindItems } from './blind-items.js';
import type { RatingKey } from './blind-items.js';
import { matchByDensity } from './matched-latents.js';
import type { RatableLatent } from './matched-latents.js';
import { ratingResult } from './rating-result.js';
import { allAnswers, progressOf, ratingEventSchema, withEvent } from './session.js';
import type { RatingClass, RatingSession } from './session.js';

const at = '2026-01-01T00:00:00.000Z';

describe('kappa', () => {
  it('Cohen: the grant proposals of the textbook example (20, 5, 10, 15) give 0.4', () => {
    const pairs = [[0, 0, 20], [0, 1, 5], [1, 0, 10], [1, 1, 15]].flatMap(([a, b, n]) => Array.from({ length: n as number }, () => [a, b] as [number, number]));
    const kappa = cohenKappa(pairs, 2, { seed: 1 });
    expect(kappa.value).toBeCloseTo(0.4, 12);
    // Large-sample standard error (Fleiss, Cohen & Everitt 1969) about 0.13.
    expect(kappa.low).toBeGreaterThan(0.05);
    expect(kappa.low).toBeLessThan(0.22);
    expect(kappa.high).toBeGreaterThan(0.56);
    expect(kappa.high).toBeLessThan(0.72);
  });

  it('Fleiss: 14 raters, 10 subjects, 5 categories of the well-known example give 0.210', () => {
    const table = [
      [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
      [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ];
    expect(fleissKappa(table, { seed: 1 }).value).toBeCloseTo(0.21, 3);
    expect(() => fleissKappa([[2, 1], [1, 1]], { seed: 1 })).toThrow(/same number of raters/);
  });

  it('equal scikit-learn 1.9.1 and statsmodels 0.15.0 on three categories', () => {
    const [a, b] = ['0120120122202000022001001010201220210010', '0101120122202000011001221020222210211012'].map((digits) => Array.from(digits, Number)) as [number[], number[]];
    const kappa = cohenKappa(a.map((c, i) => [c, b[i] as number]), 3, { seed: 1 });
    expect(kappa.value).toBeCloseTo(0.5463137996219283, 12);
    // The large-sample interval of statsmodels; a bootstrap of 40 items is near it.
    expect(Math.abs(kappa.low - 0.3375)).toBeLessThan(0.06);
    expect(Math.abs(kappa.high - 0.7551)).toBeLessThan(0.06);
    const five = [[1, 0, 4], [0, 0, 5], [0, 3, 2], [1, 4, 0], [0, 2, 3], [1, 2, 2], [0, 5, 0], [5, 0, 0], [0, 5, 0], [0, 0, 5], [0, 0, 5], [3, 2, 0], [4, 1, 0], [0, 5, 0], [3, 0, 2]];
    expect(fleissKappa(five, { seed: 1 }).value).toBeCloseTo(0.5511425462459195, 12);
  });

  it('both are 1 for full agreement and about 0 for dice', () => {
    const draws = random(2);
    const same = Array.from({ length: 60 }, () => draws.below(3));
    expect(cohenKappa(same.map((c) => [c, c]), 3, { seed: 1 }).value).toBe(1);
    const dice = Array.from({ length: 3000 }, () => [draws.below(3), draws.below(3)] as [number, number]);
    expect(Math.abs(cohenKappa(dice, 3, { seed: 1, replicates: 20 }).value)).toBeLessThan(0.05);
  });
});

describe('matchByDensity', () => {
  const arm = (sae: string, n: number, shift: number): RatableLatent[] => {
    const draws = random(shift, sae);
    return Array.from({ length: n }, (_, latent) => ({ sae, latent, density: Math.exp(-7 + shift + 1.5 * draws.normal()) }));
  };

  it('pairs latents of like density, none twice, at random', () => {
    const matches = matchByDensity([arm('a', 300, 0), arm('b', 300, 1)], 40, { seed: 3 });
    expect(matches).toHaveLength(40);
    expect(new Set(matches.map(([, b]) => b?.latent)).size).toBe(40);
    for (const [a, b] of matches) expect(Math.abs(Math.log((a?.density ?? 1) / (b?.density ?? 1)))).toBeLessThanOrEqual(0.25);
    expect(matchByDensity([arm('a', 300, 0), arm('b', 300, 1)], 40, { seed: 4 })).not.toEqual(matches);
    expect(matchByDensity([arm('a', 300, 0), arm('b', 300, 1)], 40, { seed: 3 })).toEqual(matches);
  });

  it('returns the nearest of all, as brute force does', () => {
    const other = arm('b', 50, 0);
    for (const own of arm('a', 20, 0)) {
      const [match] = matchByDensity([[own], other], 1, { caliper: 100 });
      const best = Math.min(...other.map((o) => Math.abs(Math.log(o.density / own.density))));
      expect(Math.abs(Math.log((match?.[1]?.density ?? 1) / own.density))).toBeCloseTo(best, 12);
    }
  });

  it('leaves unmatched what has no like, and silent latents out', () => {
    const a = [{ sae: 'a', latent: 0, density: 0.5 }, { sae: 'a', latent: 1, density: 0 }];
    expect(matchByDensity([a, [{ sae: 'b', latent: 0, density: 0.001 }]], 5)).toEqual([]);
    expect(() => matchByDensity([a, [{ sae: 'b', latent: 0, density: 0 }]], 5)).toThrow(/no latent that fires/);
  });
});

describe('blindItems', () => {
  const collector = new ExampleCollector([{ name: 'domain', latents: LATENTS.count }, { name: 'broad', latents: LATENTS.count }], { window: 16 });
  for (const { tokens, coded } of planted({ batches: 30 })) collector.add(tokens, { domain: coded['planted'] as never, broad: coded['planted'] as never });
  const book = collector.finish();
  const of = (sae: string): RatableLatent[] => [LATENTS.fever, LATENTS.ending, LATENTS.animals].map((latent) => ({ sae, latent, density: book.latent(sae, latent).density }));
  const blind = blindItems(matchByDensity([of('domain'), of('broad')], 3), { examples: ({ sae, latent }) => book.latent(sae, latent), label: ({ latent }) => `label ${latent}`, tokenizer }, { seed: 11 });

  it('shows contexts and label, and nothing that gives the arm away', () => {
    expect(blind.items).toHaveLength(6);
    const page = JSON.stringify(blind.items);
    for (const secret of ['domain', 'broad', 'doc-', '"latent"', '"sae"', '"pair"', 'density']) expect(page).not.toContain(secret);
    for (const item of blind.items) {
      expect(Object.keys(item).sort()).toEqual(['contexts', 'id', 'label']);
      expect(item.contexts).toHaveLength(10);
      expect(item.contexts.every((c) => c.strengths.some((s) => s > 0) && c.strengths.every((s) => s >= 0 && s <= 1))).toBe(true);
    }
    expect(blind.keys.map((k) => k.id)).toEqual(blind.keys.map((k) => k.id).sort());
    expect(new Set(blind.keys.map((k) => k.sae))).toEqual(new Set(['domain', 'broad']));
  });

  it('takes its contexts from windows the explainer never saw', () => {
    for (const { id, sae, latent } of blind.keys) {
      const seen = new Set(book.latent(sae, latent).explainer.quantiles.flat().map((e) => tokenizer.decode(e.ids)));
      for (const context of blind.items.find((i) => i.id === id)?.contexts ?? []) expect(seen.has(context.tokens.join(''))).toBe(false);
    }
  });

  it('drops a whole match when one latent has no label', () => {
    const some = blindItems(matchByDensity([of('domain'), of('broad')], 3), { examples: ({ sae, latent }) => book.latent(sae, latent), label: ({ sae, latent }) => (sae === 'broad' && latent === LATENTS.fever ? undefined : 'x'), tokenizer });
    expect(some.items).toHaveLength(4);
  });
});

describe('session', () => {
  const empty: RatingSession = { seed: 1, items: ['a', 'b', 'c', 'd'], contexts: 10, events: [] };
  const answer = (session: RatingSession, rater: string, item: string, verdict: RatingClass = 'clinical', fits = 8): RatingSession => withEvent(session, { kind: 'answer', rater, item, fits, verdict, at });

  it('goes through every item once, in an order of the rater\'s own', () => {
    const orders = ['ann', 'bob', 'cyd', 'dan'].map((rater) => {
      let session = empty;
      const order: string[] = [];
      for (let next = progressOf(session, rater).next; next !== undefined; next = progressOf(session, rater).next) {
        order.push(next);
        session = answer(session, rater, next);
      }
      expect(progressOf(session, rater)).toMatchObject({ done: 4, total: 4, next: undefined, canUndo: true });
      expect([...order].sort()).toEqual(['a', 'b', 'c', 'd']);
      return order.join('');
    });
    expect(new Set(orders).size).toBeGreaterThan(1);
  });

  it('takes back the last answer of the same rater only', () => {
    let session = answer(answer(answer(empty, 'ann', 'a'), 'ann', 'b'), 'bob', 'a');
    session = withEvent(session, { kind: 'undo', rater: 'ann', at });
    expect(allAnswers(session).map((x) => `${x.rater}${x.item}`)).toEqual(['anna', 'boba']);
    expect(progressOf(session, 'ann').done).toBe(1);
    session = answer(session, 'ann', 'b', 'generic');
    expect(allAnswers(session).find((x) => x.rater === 'ann' && x.item === 'b')?.verdict).toBe('generic');
  });

  it('refuses what cannot be', () => {
    expect(() => answer(empty, 'ann', 'z')).toThrow(/not in the session/);
    expect(() => answer(answer(empty, 'ann', 'a'), 'ann', 'a')).toThrow(/rated already/);
    expect(() => answer(empty, 'ann', 'a', 'clinical', 11)).toThrow(/0 .. 10/);
    expect(() => withEvent(empty, { kind: 'undo', rater: 'ann', at })).toThrow(/no answer to undo/);
    expect(ratingEventSchema.safeParse({ kind: 'answer', rater: 'a', item: 'b', fits: 3, verdict: 'nice', at }).success).toBe(false);
    expect(ratingEventSchema.safeParse({ kind: 'answer', rater: 'a', item: 'b', fits: 3, verdict: 'generic', at }).success).toBe(true);
  });
});

describe('ratingResult', () => {
  const keys: RatingKey[] = Array.from({ length: 60 }, (_, i) => ({ id: `i${i}`, pair: i >> 1, sae: i % 2 === 0 ? 'broad' : 'domain', latent: i }));
  const run = (raters: readonly string[], clinical: Readonly<Record<string, number>>, noise: number): ReturnType<typeof ratingResult> => {
    let session: RatingSession = { seed: 5, items: keys.map((k) => k.id), contexts: 10, events: [] };
    const draws = random(8);
    const truth = keys.map(({ sae }): RatingClass => (draws.next() < (clinical[sae] ?? 0) ? 'clinical' : 'generic'));
    for (const rater of raters) {
      keys.forEach(({ id }, i) => {
        const verdict: RatingClass = draws.next() < noise ? 'uninterpretable' : (truth[i] as RatingClass);
        session = withEvent(session, { kind: 'answer', rater, item: id, fits: verdict === 'clinical' ? 9 : 3, verdict, at });
      });
    }
    return ratingResult(session, keys);
  };

  it('finds a difference that is there, with its direction, and agreement of two raters', () => {
    const result = run(['ann', 'bob'], { domain: 0.9, broad: 0.2 }, 0.1);
    const clinical = result.differences.find((d) => d.measure === 'clinical');
    expect([clinical?.first, clinical?.second, clinical?.verdict]).toEqual(['broad', 'domain', 'second is higher']);
    expect(clinical?.difference.n).toBe(30);
    expect(result.differences.find((d) => d.measure === 'fits')?.verdict).toBe('second is higher');
    expect(result.kappa?.kind).toBe('cohen');
    expect(result.kappa?.value.value).toBeGreaterThan(0.5);
    expect(result.arms.map((a) => a.items)).toEqual([30, 30]);
  });

  it('finds none where there is none, and uses Fleiss for three', () => {
    const result = run(['ann', 'bob', 'cyd'], { domain: 0.5, broad: 0.5 }, 0.1);
    expect(result.differences.find((d) => d.measure === 'clinical')?.verdict).toBe('no difference found');
    expect(result.kappa).toMatchObject({ kind: 'fleiss', raters: 3 });
  });

  it('gives the paired difference with the percentile bootstrap interval that SciPy gives', () => {
    const gaps = [3, -1, 5, 2, 0, 4, -3, 6, 1, 2, 7, -2, 3, 1, 0, 5, 2, -4, 8, 1];
    const pairs = gaps.flatMap((_, pair): RatingKey[] => ['broad', 'domain'].map((sae) => ({ id: `${sae}${pair}`, pair, sae, latent: pair })));
    let session: RatingSession = { seed: 5, items: pairs.map(({ id }) => id), contexts: 10, events: [] };
    for (const { id, pair, sae } of pairs) {
      const gap = gaps[pair] as number;
      session = withEvent(session, { kind: 'answer', rater: 'ann', item: id, fits: Math.max(0, sae === 'domain' ? gap : -gap), verdict: 'generic', at });
    }
    const fits = ratingResult(session, pairs, { replicates: 4000 }).differences.find((d) => d.measure === 'fits')?.difference;
    expect(fits?.value).toBeCloseTo(-0.2, 12);
    // scipy.stats.bootstrap, percentile method, 200,000 resamples.
    expect(Math.abs((fits?.low ?? 9) + 0.34)).toBeLessThan(0.011);
    expect(Math.abs((fits?.high ?? 9) + 0.065)).toBeLessThan(0.011);
  });

  it('needs the key of the same session', () => {
    const session: RatingSession = { seed: 1, items: ['x'], contexts: 10, events: [{ kind: 'answer', rater: 'a', item: 'x', fits: 1, verdict: 'generic', at }] };
    expect(() => ratingResult(session, keys)).toThrow(/without a key/);
  });
});

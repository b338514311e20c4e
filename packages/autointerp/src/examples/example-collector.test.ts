import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TokenBatch } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import fc from 'fast-check';
import { from, lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { LATENTS, planted, tokenizer } from '../../test/planted-corpus.js';
import { collectExamples } from './collect-examples.js';
import type { CodedBatch } from './collect-examples.js';
import { contentPositions, cutWindows } from './cut-windows.js';
import type { ExampleBook } from './example-book.js';
import { ExampleCollector } from './example-collector.js';
import type { Example, ExampleOptions, LatentExamples } from './examples.js';

const SAES = [{ name: 'planted', latents: LATENTS.count }];

function collect(batches: readonly CodedBatch[], options: ExampleOptions = {}): ExampleBook {
  const collector = new ExampleCollector(SAES, { window: 16, ...options });
  for (const batch of batches) collector.add(batch.tokens, batch.coded);
  return collector.finish();
}

function all(examples: LatentExamples, pool: 'explainer' | 'scorer'): Example[] {
  const { top, quantiles, random: silent, hard } = examples[pool];
  return [...top, ...quantiles.flat(), ...silent, ...hard];
}

const text = (example: Example): string => example.ids.join(' ');

describe('ExampleCollector', () => {
  const batches = planted();
  const book = collect(batches);

  it('counts what a plain pass over dense activations counts', () => {
    let tokens = 0;
    const active = new Map<number, number>();
    const max = new Map<number, number>();
    for (const { coded } of batches) {
      const { codes } = coded['planted'] as CodedBatch['coded'][string];
      tokens += codes.rows;
      codes.indices.forEach((latent, k) => {
        active.set(latent, (active.get(latent) ?? 0) + 1);
        max.set(latent, Math.max(max.get(latent) ?? 0, codes.values[k] as number));
      });
    }
    for (let latent = 0; latent < LATENTS.count; latent++) {
      const examples = book.latent('planted', latent);
      expect(examples.tokens).toBe(tokens);
      expect(examples.active).toBe(active.get(latent) ?? 0);
      expect(examples.density).toBeCloseTo((active.get(latent) ?? 0) / tokens, 12);
      expect(examples.maxActivation).toBe(max.get(latent) ?? 0);
      const { counts } = book.statistics('planted').histogram(latent);
      expect(counts.reduce((a, b) => a + b, 0)).toBe(active.get(latent) ?? 0);
    }
  });

  it('shares a latent out over the domains of its active tokens', () => {
    const even = new Map<number, number>();
    for (const { tokens, coded } of batches) {
      const { codes, positions } = coded['planted'] as CodedBatch['coded'][string];
      positions.forEach((at, row) => {
        if (tokens.domains[tokens.doc[at] as number] !== 'even') return;
        for (let k = codes.indptr[row] as number; k < (codes.indptr[row + 1] as number); k++) even.set(codes.indices[k] as number, (even.get(codes.indices[k] as number) ?? 0) + 1);
      });
    }
    const statistics = book.statistics('planted');
    for (const latent of book.live('planted')) {
      const share = statistics.domainShare(latent);
      expect(share['even']).toBe((even.get(latent) ?? 0) / (statistics.active[latent] as number));
      expect(Object.values(share).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    }
    expect(statistics.domainShare(LATENTS.silent)).toEqual({});
    expect([...statistics.domains.values()].reduce((sum, { tokens }) => sum + tokens, 0)).toBe(statistics.tokens);
  });

  it('counts another text for the domains only', () => {
    const collector = new ExampleCollector(SAES, { window: 16 });
    for (const { tokens, coded } of batches) collector.add(tokens, coded);
    for (const { tokens, coded } of batches) collector.count({ ...tokens, domains: tokens.domains.map(() => 'elsewhere') }, coded);
    const both = collector.finish();
    for (const latent of book.live('planted')) {
      const share = both.statistics('planted').domainShare(latent);
      expect(share['elsewhere']).toBeCloseTo(0.5, 12);
      expect(share['even']).toBeCloseTo((book.statistics('planted').domainShare(latent)['even'] ?? 0) / 2, 12);
      expect(both.statistics('planted').histogram(latent)).toEqual(book.statistics('planted').histogram(latent));
    }
    expect(both.latent('planted', LATENTS.fever)).toEqual(book.latent('planted', LATENTS.fever));
    expect(() => collector.count(planted({ batches: 1 })[0]?.tokens as TokenBatch, { other: planted({ batches: 1 })[0]?.coded['planted'] as CodedBatch['coded'][string] })).toThrow(/was not made for/);
  });

  it('counts domains beyond the first 32 together', () => {
    const many = batches.map(({ tokens, coded }, b) => ({ coded, tokens: { ...tokens, domains: tokens.domains.map((_, d) => `domain-${b}-${d}`) } }));
    const { domains } = collect(many).statistics('planted');
    expect([...domains.keys()]).toHaveLength(33);
    expect(domains.get('(other)')?.tokens).toBeGreaterThan(0);
  });

  it('keeps the strongest windows, in order, with their true activations', () => {
    const strongest = batches
      .flatMap(({ coded }) => [...(coded['planted'] as CodedBatch['coded'][string]).codes.values.entries()].map(([k, v]) => ({ v, latent: (coded['planted'] as CodedBatch['coded'][string]).codes.indices[k] })))
      .filter(({ latent }) => latent === LATENTS.fever)
      .map(({ v }) => v)
      .sort((a, b) => b - a);
    const { explainer, scorer } = book.latent('planted', LATENTS.fever);
    const peaks = [...explainer.top, ...scorer.top].map((e) => e.peak).sort((a, b) => b - a);
    expect(peaks[0]).toBe(strongest[0]);
    expect(explainer.top.map((e) => e.peak)).toEqual(explainer.top.map((e) => e.peak).sort((a, b) => b - a));
    for (const example of [...explainer.top, ...scorer.top]) {
      example.ids.forEach((id, t) => expect((example.activations[t] as number) > 0).toBe(tokenizer.token(id) === ' fever'));
    }
  });

  it('shows explainer and scorer neither the same document nor the same text', () => {
    for (let latent = 0; latent < LATENTS.count; latent++) {
      const examples = book.latent('planted', latent);
      const docs = new Set(all(examples, 'explainer').map((e) => e.doc));
      const texts = new Set(all(examples, 'explainer').map(text));
      for (const example of all(examples, 'scorer')) {
        expect(docs.has(example.doc)).toBe(false);
        expect(texts.has(text(example))).toBe(false);
      }
    }
  });

  it('keeps documents of one group on one side, whatever their ids hash to', () => {
    const group = (doc: string): string => doc.replace(/-\d+$/, '');
    const grouped = collect(batches, { group });
    const sides = new Map<string, Set<string>>();
    for (let latent = 0; latent < LATENTS.count; latent++) {
      for (const pool of ['explainer', 'scorer'] as const) {
        for (const { doc } of all(grouped.latent('planted', latent), pool)) sides.set(group(doc), (sides.get(group(doc)) ?? new Set()).add(pool));
      }
    }
    expect(sides.size).toBe(12);
    for (const pools of sides.values()) expect(pools.size).toBe(1);
    // Without the group the same documents are torn apart.
    const torn = new Map<string, Set<string>>();
    for (const pool of ['explainer', 'scorer'] as const) {
      for (const { doc } of all(book.latent('planted', LATENTS.dense), pool)) torn.set(group(doc), (torn.get(group(doc)) ?? new Set()).add(pool));
    }
    expect([...torn.values()].some((pools) => pools.size === 2)).toBe(true);
  });

  it('drops a text of the explainer from the scorer even when another document repeats it', () => {
    const repeated = batches.map(({ tokens, coded }) => ({ tokens: { ...tokens, docs: tokens.docs.map((d) => `copy-of-${d}`) }, coded }));
    const examples = collect([...batches, ...repeated]).latent('planted', LATENTS.fever);
    const texts = new Set(all(examples, 'explainer').map(text));
    expect(all(examples, 'scorer').some((e) => texts.has(text(e)))).toBe(false);
    expect(examples.explainer.quantiles.flat().length).toBeGreaterThan(0);
  });

  it('cuts quantiles of equal count, strongest first, that do not overlap in strength', () => {
    const { quantiles } = book.latent('planted', LATENTS.dense).explainer;
    expect(quantiles).toHaveLength(10);
    expect(quantiles.map((q) => q.length)).toEqual(new Array(10).fill(4));
    for (let q = 1; q < 10; q++) {
      expect(Math.min(...(quantiles[q - 1] ?? []).map((e) => e.peak))).toBeGreaterThanOrEqual(Math.max(...(quantiles[q] ?? []).map((e) => e.peak)));
    }
  });

  it('gives silent windows as negatives, hard ones nearer in words than random ones', () => {
    const { scorer } = book.latent('planted', LATENTS.ending);
    const words = new Set(scorer.quantiles.flat().flatMap((e) => [...e.ids]));
    const overlap = (list: readonly Example[]): number => list.reduce((sum, e) => sum + [...e.ids].filter((id) => words.has(id)).length / e.ids.length, 0) / list.length;
    expect(scorer.random.length).toBeGreaterThan(5);
    expect(scorer.hard.length).toBeGreaterThan(5);
    for (const example of [...scorer.random, ...scorer.hard]) {
      expect([...example.ids].some((id) => tokenizer.token(id).endsWith('itis'))).toBe(false);
      expect(example.activations.every((v) => v === 0)).toBe(true);
    }
    expect(overlap(scorer.hard)).toBeGreaterThanOrEqual(overlap(scorer.random));
  });

  it('never shows a special token', () => {
    for (let latent = 0; latent < LATENTS.count; latent++) {
      for (const pool of ['explainer', 'scorer'] as const) {
        for (const example of all(book.latent('planted', latent), pool)) expect(example.ids.includes(0)).toBe(false);
      }
    }
  });

  it('leaves codes at special positions out of every statistic', () => {
    const [first] = planted({ batches: 1 });
    const { tokens, coded } = first as CodedBatch;
    const plain = coded['planted'] as CodedBatch['coded'][string];
    const withBos = {
      positions: Int32Array.from([0, ...plain.positions]),
      codes: {
        ...plain.codes,
        rows: plain.codes.rows + 1,
        indptr: Int32Array.from([0, ...plain.codes.indptr.map((p) => p + 1)]),
        indices: Int32Array.from([LATENTS.fever, ...plain.codes.indices]),
        values: Float32Array.from([1e6, ...plain.codes.values]),
      },
    };
    const collector = new ExampleCollector(SAES);
    collector.add(tokens, { planted: withBos });
    expect(collector.finish().latent('planted', LATENTS.fever).maxActivation).toBeLessThan(7);
    expect(collector.finish().latent('planted', LATENTS.fever).tokens).toBe(plain.codes.rows);
  });

  it('does not depend on the order of the batches', () => {
    const forwards = book.latent('planted', LATENTS.noise);
    const backwards = collect([...batches].reverse()).latent('planted', LATENTS.noise);
    for (const pool of ['explainer', 'scorer'] as const) expect(all(backwards, pool).map(text)).toEqual(all(forwards, pool).map(text));
  });

  it('samples activating windows evenly over the stream', () => {
    const many = planted({ batches: 60, seed: 5 });
    const sample = collect(many, { sample: 60 }).latent('planted', LATENTS.dense).scorer.quantiles.flat();
    const mean = sample.reduce((sum, e) => sum + Number(e.doc.split('-')[1]), 0) / sample.length;
    // Uniform over 60 batches: mean 29.5, standard error 17.3 / sqrt(60) = 2.2.
    expect(Math.abs(mean - 29.5)).toBeLessThan(3 * 2.3);
  });

  it('keeps examples only of the latents asked for, statistics of all', () => {
    const few = collect(batches, { latents: [LATENTS.fever] });
    expect(few.latent('planted', LATENTS.fever).explainer.top.length).toBeGreaterThan(0);
    expect(few.latent('planted', LATENTS.ending).explainer.top).toEqual([]);
    expect(few.latent('planted', LATENTS.ending).density).toBe(book.latent('planted', LATENTS.ending).density);
  });

  it('emits one book at the end of a stream, and errors of a bad batch', async () => {
    const streamed = await lastValueFrom(from(batches).pipe(collectExamples(SAES, { window: 16 })));
    expect(streamed.latent('planted', LATENTS.fever)).toEqual(book.latent('planted', LATENTS.fever));
    const bad = batches.map((b) => ({ ...b, coded: { other: b.coded['planted'] as CodedBatch['coded'][string] } }));
    await expect(lastValueFrom(from(bad).pipe(collectExamples(SAES)))).rejects.toThrow(/was not made for \(other\)/);
  });

  it('refuses positions that do not rise and codes of another width', () => {
    const [{ tokens, coded }] = batches as [CodedBatch];
    const good = coded['planted'] as CodedBatch['coded'][string];
    const collector = new ExampleCollector(SAES);
    expect(() => collector.add(tokens, { planted: { ...good, positions: good.positions.slice().reverse() } })).toThrow(/must rise/);
    expect(() => collector.add(tokens, { planted: { ...good, codes: { ...good.codes, latents: 9 } } })).toThrow(/Expected 7. Got 9/);
    expect(() => new ExampleCollector(SAES, { explainerShare: 1 })).toThrow(/explainerShare/);
  });
});

describe('cutWindows', () => {
  it('covers every ordinary token once, in windows as equal as can be, none across documents', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 90 }), fc.integer(), (window, context, seed) => {
        const draws = random(seed);
        const rows = 3;
        const total = rows * context;
        const doc = new Int32Array(total);
        for (let i = 0, d = 0; i < total; i++) doc[i] = draws.next() < 0.1 ? ++d : d;
        const tokens: TokenBatch = {
          rows,
          context,
          ids: Int32Array.from({ length: total }, () => draws.below(50)),
          mask: new Uint8Array(total).fill(1),
          special: Uint8Array.from({ length: total }, () => (draws.next() < 0.1 ? 1 : 0)),
          doc,
          docs: Array.from({ length: total + 1 }, (_, i) => `d${i}`),
          domains: Array.from({ length: total + 1 }, () => 'x'),
          cursor: { source: 's', shard: 0, row: 0 },
        };
        const windows = cutWindows(tokens, { window, seed: 0, explainerShare: 0.5 });
        const seen: number[] = [];
        for (let w = 0; w < windows.count; w++) {
          const start = windows.start[w] as number;
          const length = windows.length[w] as number;
          expect(length).toBeLessThanOrEqual(window);
          for (let i = start; i < start + length; i++) {
            seen.push(i);
            expect(doc[i]).toBe(windows.doc[w]);
          }
        }
        expect(seen).toEqual([...contentPositions(tokens)]);
      }),
    );
  });
});

describe('reference statistics (SAEDashboard, SAELens)', () => {
  const folder = join(import.meta.dirname, '../../test/fixtures/features');

  it('equal the peer on density, maximum, mean when active and activations per active prompt', async () => {
    const golden = JSON.parse(await readFile(join(folder, 'features.json'), 'utf8')) as {
      readonly max: number[];
      readonly frac_nonzero: number[];
      readonly mean_act_when_active: (number | null)[];
      readonly saelens_consistent_activation_heuristic: (number | null)[];
      readonly saelens_log10_feature_sparsity: number[];
    };
    const file = await openSafetensors(join(folder, 'data.safetensors'));
    const acts = (await file.read('feature_acts')).data;
    const ids = await file.readInt32('tokens');
    await file.close();
    const [rows, context, latents] = [20, 32, 32];
    const indptr = [0];
    const indices: number[] = [];
    const values: number[] = [];
    for (let p = 0; p < rows * context; p++) {
      for (let f = 0; f < latents; f++) {
        const value = acts[p * latents + f] as number;
        if (value > 0) {
          indices.push(f);
          values.push(value);
        }
      }
      indptr.push(indices.length);
    }
    const tokens: TokenBatch = {
      rows,
      context,
      ids: Int32Array.from('data' in ids ? ids.data : ids),
      mask: new Uint8Array(rows * context).fill(1),
      special: new Uint8Array(rows * context),
      doc: Int32Array.from({ length: rows * context }, (_, i) => Math.floor(i / context)),
      docs: Array.from({ length: rows }, (_, r) => `p${r}`),
      domains: Array.from({ length: rows }, () => 'x'),
      cursor: { source: 's', shard: 0, row: rows },
    };
    const collector = new ExampleCollector([{ name: 'peer', latents }]);
    collector.add(tokens, {
      peer: {
        positions: Int32Array.from({ length: rows * context }, (_, i) => i),
        codes: { rows: rows * context, latents, indptr: Int32Array.from(indptr), indices: Int32Array.from(indices), values: Float32Array.from(values) },
      },
    });
    const book = collector.finish();
    const statistics = book.statistics('peer');
    for (let f = 0; f < latents; f++) {
      const { density, maxActivation, meanActivation, windows, active } = book.latent('peer', f);
      expect(maxActivation).toBe(Math.fround(golden.max[f] as number));
      expect(density).toBeCloseTo(golden.frac_nonzero[f] as number, 7);
      expect(Math.log10(density + 1e-10)).toBeCloseTo(golden.saelens_log10_feature_sparsity[f] as number, 5);
      if (golden.mean_act_when_active[f] === null) expect(active).toBe(0);
      else expect(meanActivation / (golden.mean_act_when_active[f] as number)).toBeCloseTo(1, 6);
      // Windows are whole prompts here, so tokens per active window is the peer's heuristic.
      if (active > 0) expect(active / windows).toBeCloseTo(golden.saelens_consistent_activation_heuristic[f] as number, 6);
    }
    expect(statistics.tokens).toBe(640);
  });
});

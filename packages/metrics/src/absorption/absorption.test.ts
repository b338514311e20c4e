import { random } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import { codesOf } from '../anchors/anchors.js';
import type { LabelledRows } from '../probes/labelled-rows.js';
import type { ReadableSae } from './absorption.js';
import { absorption } from './absorption.js';
import { decoderAlong, scoreWord } from './absorbed-word.js';
import { firstLetterClasses } from './first-letter.js';
import { hierarchyAbsorption } from './hierarchy-absorption.js';

const PARENTS = 3;
const CHILDREN = 30;
const WIDTH = PARENTS + PARENTS * CHILDREN;

/**
 * x = parent direction + child direction (orthonormal axes) + noise. The honest SAE has one latent per axis; the absorbing one
 * silences the parent latent at some children, whose own latent then writes parent + child.
 */
function world(absorbed: (child: number) => boolean): { readonly sae: ReadableSae; readonly rows: LabelledRows } {
  const draw = random(7);
  const labels: string[] = [];
  const x: number[] = [];
  for (let repeat = 0; repeat < 6; repeat++) {
    for (let c = 0; c < PARENTS * CHILDREN; c++) {
      labels.push(`entity-${c}`);
      for (let d = 0; d < WIDTH; d++) x.push((d === c % PARENTS ? 2 : d === PARENTS + c ? 1 : 0) + 0.02 * draw.normal());
    }
  }
  const decoder = new Float32Array(WIDTH * WIDTH);
  for (let f = 0; f < WIDTH; f++) {
    decoder[f * WIDTH + f] = 1;
    const c = f - PARENTS;
    if (c >= 0 && absorbed(c)) {
      decoder[f * WIDTH + (c % PARENTS)] = 2 / Math.sqrt(5);
      decoder[f * WIDTH + f] = 1 / Math.sqrt(5);
    }
  }
  const sae: ReadableSae = {
    latents: WIDTH,
    width: WIDTH,
    outWidth: WIDTH,
    state: { weights: { W_dec: { shape: [WIDTH, WIDTH], data: decoder } } },
    run: (batch, n) => {
      const codes = new Float32Array(n * WIDTH);
      for (let t = 0; t < n; t++) {
        for (let c = 0; c < PARENTS * CHILDREN; c++) {
          if ((batch[t * WIDTH + PARENTS + c] as number) < 0.5) continue;
          codes[t * WIDTH + PARENTS + c] = absorbed(c) ? Math.sqrt(5) : 1;
          if (!absorbed(c)) codes[t * WIDTH + (c % PARENTS)] = 2;
        }
      }
      return { codes: codesOf(codes, n, WIDTH), recon: new Float32Array(batch.length) };
    },
  };
  return { sae, rows: { rows: labels.length, width: WIDTH, x: Float32Array.from(x), labels, groups: labels } };
}

const taxonomy = Array.from({ length: PARENTS }, (_, p) => ({
  name: `parent-${p}`,
  children: Array.from({ length: PARENTS * CHILDREN }, (_, c) => c).filter((c) => c % PARENTS === p).map((c) => `entity-${c}`),
}));

describe('absorption', () => {
  it('is 0 for an SAE with one latent per concept', () => {
    const { sae, rows } = world(() => false);
    const result = hierarchyAbsorption(sae, rows, { taxonomy });
    expect(result.classes.map((c) => c.splitLatents)).toEqual([[0], [1], [2]]);
    expect(result.classes.every((c) => c.probeF1 > 0.95)).toBe(true);
    expect(result.metrics['absorption_full@1']?.value).toBe(0);
    expect(result.metrics['absorption_fraction@1']?.value).toBe(0);
    expect(result.absorbers).toEqual([]);
  });

  it('finds a planted rate and names the child latents that absorbed the parent', () => {
    const absorbed = (c: number): boolean => c % 5 === 0;
    const { sae, rows } = world(absorbed);
    const result = hierarchyAbsorption(sae, rows, { taxonomy, replicates: 200 });
    const words = result.classes.flatMap((c) => c.words);
    const planted = words.filter((w) => absorbed(Number(w.word.slice(7)))).length / words.length;
    expect(planted).toBeGreaterThan(0.05);
    for (const word of words) expect(word.full, word.word).toBe(absorbed(Number(word.word.slice(7))));
    expect(result.metrics['absorption_full@1']?.value).toBeCloseTo(planted, 1);
    expect(result.metrics['absorption_fraction@1']?.value).toBeCloseTo(planted, 1);
    expect(result.absorbers.length).toBeGreaterThan(0);
    for (const a of result.absorbers) {
      expect(a.specificity).toBe(1);
      expect(a.child).toBe(`entity-${a.latent - PARENTS}`);
    }
    expect(result.metrics['absorption_full@1']?.samples.length).toBe(200);
  });

  it('follows SAEBench’s fraction case by case', () => {
    const decoder = Float32Array.of(1, 0, 1, 0, 0.05, Math.sqrt(1 - 0.0025), -1, 0);
    const sae = { latents: 4, width: 2, outWidth: 2, state: { weights: { W_dec: { shape: [4, 2], data: decoder } } } } as unknown as ReadableSae;
    const probe = { unit: Float64Array.of(1, 0), ...decoderAlong(sae, [1, 0]) };
    const score = (acts: readonly number[], p: number): ReturnType<typeof scoreWord> =>
      scoreWord({ x: [p, 0], codes: codesOf(Float32Array.from(acts), 1, 4), row: 0 }, probe, [0]);
    expect(score([0, 1, 0, 0], 1)).toMatchObject({ full: true, fraction: 1, absorber: 1 });
    // The main latent carries everything: nothing absorbed.
    expect(score([1, 1, 0, 0], 1)).toMatchObject({ full: false, fraction: 0 });
    // M = 0.25, A = 0.6, P = 1: A' = min(0.6, 0.75).
    expect(score([0.25, 0.6, 0, 0], 1).fraction).toBeCloseTo(0.6 / 0.85, 6);
    // A' is capped by what the main latent left open.
    expect(score([0.5, 0.9, 0, 0], 1).fraction).toBeCloseTo(0.5, 6);
    expect(score([0, 0.39, 0, 0], 1)).toMatchObject({ full: false, fraction: 0 });
    // Cosine 0.05 is enough for full absorption, not for the fraction.
    expect(score([0, 0, 10, 0], 1)).toMatchObject({ full: true, fraction: 0, absorber: 2 });
    expect(score([0, 1, 0, 0], -1)).toMatchObject({ full: false, fraction: 0 });
    expect(score([0, 0, 0, 0], 1)).toMatchObject({ full: false, fraction: 0, absorber: -1 });
  });

  it('makes first-letter classes, and says which probes fail', () => {
    const words = ['apple', ' Ant', 'axe', 'bee', '7up', 'box', 'bat'];
    expect(firstLetterClasses(words, 3).map((c) => [c.name, c.members.size])).toEqual([['a', 3], ['b', 3]]);
    const { sae, rows } = world(() => false);
    const odd = absorption(sae, rows, { classes: [{ name: 'odd', members: new Set(['entity-1', 'entity-2']) }] });
    expect(odd.metrics).toEqual({});
    expect(odd.classes).toMatchObject([{ name: 'odd', usable: false }]);
    expect(odd.classes[0]?.probeF1).toBeLessThan(0.6);
    expect(hierarchyAbsorption(sae, rows, { taxonomy, minChildren: 1000 })).toEqual({ metrics: {}, classes: [], absorbers: [] });
  });
});

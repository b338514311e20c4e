import { tf, useBackend } from '@salmon-sae/compute';
import { random } from '@salmon-sae/dataflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { antipodalPairs } from './antipodal-pairs.js';
import { decoderRedundancy } from './decoder-redundancy.js';
import type { Directions } from './directions.js';
import { directionsOf, selectDirections, unitRows } from './directions.js';
import { featureOverlap } from './feature-overlap.js';
import { featureSplitting } from './feature-splitting.js';
import { uniqueLatents } from './unique-latents.js';

const WIDTH = 32;
const draw = random(4);

function directions(rows: readonly (readonly number[])[], encoders = rows): Directions {
  const flat = (r: readonly (readonly number[])[]): Float32Array => unitRows(Float32Array.from(r.flat()), WIDTH);
  return { latents: rows.length, encoderWidth: WIDTH, decoderWidth: WIDTH, encoder: flat(encoders), decoder: flat(rows) };
}

const vector = (): number[] => Array.from({ length: WIDTH }, () => draw.normal());
const nudge = (v: readonly number[], by: number): number[] => v.map((x) => x + by * draw.normal());
const near = (v: readonly number[]): number[] => nudge(v, 0.1);

describe('feature geometry', () => {
  beforeAll(async () => void (await useBackend()));

  it('finds a planted overlap under permutation, and none between random SAEs', () => {
    const common = Array.from({ length: 20 }, vector);
    const a = directions([...common, ...Array.from({ length: 20 }, vector)]);
    const b = directions([...Array.from({ length: 30 }, vector), ...[...common].reverse().map(near)]);
    const overlap = featureOverlap(a, b);
    expect(overlap.shared).toBe(20);
    expect(overlap.share).toBe(0.5);
    for (const pair of overlap.pairs.filter((p) => p.shared)) expect(pair.b).toBe(49 - pair.a);
    const turned = featureOverlap(b, a);
    expect(turned.shared).toBe(20);
    expect(turned.pairs[0]?.a).toBe(overlap.pairs[0]?.b);
    expect(featureOverlap(a, a).share).toBe(1);
    const other = directions(Array.from({ length: 40 }, vector));
    expect(featureOverlap(a, other).share).toBe(0);
  });

  it('asks for both cosines: equal decoders with other encoders are not shared', () => {
    const rows = Array.from({ length: 6 }, vector);
    const a = directions(rows);
    const b = directions(rows, Array.from({ length: 6 }, vector));
    expect(featureOverlap(a, b).share).toBe(0);
    expect(uniqueLatents(a, b).share).toBe(1);
  });

  it('lists latents that only one SAE has, duplicates or not', () => {
    const common = Array.from({ length: 5 }, vector);
    const own = Array.from({ length: 3 }, vector);
    const a = directions([...common, near(common[0] as number[]), ...own]);
    const { unique, share, nearest } = uniqueLatents(a, directions(common));
    expect(unique.map((u) => u.latent).sort()).toEqual([6, 7, 8]);
    expect(share).toBeCloseTo(3 / 9, 12);
    expect(nearest[5]).toMatchObject({ latent: 5, nearest: 0 });
  });

  it('counts the parts a narrow latent splits into', () => {
    const narrow = Array.from({ length: 4 }, vector);
    const wide = directions([...narrow.slice(0, 3).map(near), near(narrow[0] as number[]), near(narrow[0] as number[]), vector()]);
    const splitting = featureSplitting(directions(narrow), wide);
    expect([...splitting.parts]).toEqual([3, 1, 1, 0]);
    expect(splitting.share).toBeCloseTo(1 / 3, 12);
    expect(splitting.meanParts).toBeCloseTo(5 / 3, 12);
  });

  it('tells antipodal pairs from duplicates', () => {
    const [p, q, r] = [vector(), vector(), vector()] as const;
    const { score, partner, duplicateScore } = antipodalPairs(directions([p, p.map((v) => -v), q, near(q), r]));
    expect(score[0]).toBeCloseTo(1, 6);
    expect([partner[0], partner[1]]).toEqual([1, 0]);
    expect(score[2]).toBeLessThan(0.5);
    expect(duplicateScore[2]).toBeGreaterThan(0.9);
    expect(duplicateScore[0]).toBeLessThan(0.5);
    const redundancy = decoderRedundancy(directions([p, p.map((v) => -v), q, near(q), r]));
    expect(redundancy.share).toBeCloseTo(0.4, 12);
    expect(redundancy.nearest[2]).toBeGreaterThan(0.9);
  });

  it('reads directions from SAE weights in either layout and refuses misfits', () => {
    const decoder = Float32Array.of(3, 4, 0, 0, 1, 0);
    const encoder = Float32Array.of(1, 0, 5, 1, 2, 0);
    const state = (weights: Record<string, { shape: number[]; data: Float32Array }>): never => ({ weights }) as never;
    const d = directionsOf(state({ W_dec: { shape: [3, 2], data: decoder }, W_enc: { shape: [2, 3], data: encoder } }));
    [0.6, 0.8, 0, 0, 1, 0].forEach((v, i) => expect(d.decoder[i]).toBeCloseTo(v, 6));
    [Math.SQRT1_2, Math.SQRT1_2, 0, 1, 1, 0].forEach((v, i) => expect(d.encoder[i]).toBeCloseTo(v, 6));
    expect([...selectDirections(d, [2, 0]).decoder]).toEqual([...d.decoder.slice(4), ...d.decoder.slice(0, 2)]);
    const tied = directionsOf(state({ W_dec: { shape: [3, 2], data: decoder } }));
    expect(tied.encoder).toBe(tied.decoder);
    expect(() => directionsOf(state({}))).toThrow(/no decoder matrix/);
    expect(() => directionsOf(state({ W_dec: { shape: [3, 2], data: decoder }, W_enc: { shape: [3, 2], data: encoder } }))).toThrow(/disagree/);
    expect(() => featureOverlap(d, directions([vector()]))).toThrow(/different widths/);
  });

  it('leaks no tensor', () => {
    const before = tf.memory().numTensors;
    featureOverlap(directions([vector()]), directions([vector(), vector()]));
    expect(tf.memory().numTensors).toBe(before);
  });
});

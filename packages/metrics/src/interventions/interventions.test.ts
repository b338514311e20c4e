import { random } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import type { ReadableSae } from '../absorption/absorption.js';
import { codesOf } from '../anchors/anchors.js';
import type { LabelledRows } from '../probes/labelled-rows.js';
import { spuriousCorrelationRemoval } from './spurious-correlation-removal.js';
import { targetedProbePerturbation } from './targeted-probe-perturbation.js';

const WIDTH = 8;

/** Rows that are one-hot directions (times 2) plus noise; `axes` says which axes a label switches on. */
function rowsOf(labels: readonly string[], axes: (label: string) => readonly number[]): LabelledRows {
  const draw = random(3);
  const x = labels.flatMap((label) => Array.from({ length: WIDTH }, (_, d) => (axes(label).includes(d) ? 2 : 0) + 0.3 * draw.normal()));
  return { rows: labels.length, width: WIDTH, x: Float32Array.from(x), labels, groups: labels.map((_, i) => `doc-${i}`) };
}

/** Latents read and write the given directions: f_i = relu(x · direction_i). */
function saeOf(directions: readonly (readonly number[])[]): ReadableSae {
  const latents = directions.length;
  return {
    latents,
    width: WIDTH,
    outWidth: WIDTH,
    state: { weights: { W_dec: { shape: [latents, WIDTH], data: Float32Array.from(directions.flat()) } } },
    run: (x, n) => {
      const f = Float32Array.from({ length: n * latents }, (_, k) =>
        Math.max(0, (directions[k % latents] as number[]).reduce((s, w, d) => s + w * (x[Math.floor(k / latents) * WIDTH + d] as number), 0)),
      );
      return { codes: codesOf(f, n, latents), recon: new Float32Array(x.length) };
    },
  };
}

const axis = (d: number): number[] => Array.from({ length: WIDTH }, (_, i) => (i === d ? 1 : 0));
const monosemantic = saeOf(Array.from({ length: WIDTH }, (_, d) => axis(d)));
const mixed = saeOf([Array.from({ length: WIDTH }, (_, d) => (d < 4 ? 0.5 : 0))]);

describe('targeted probe perturbation', () => {
  const rows = rowsOf(Array.from({ length: 800 }, (_, i) => `class-${i % 4}`), (label) => [Number(label.slice(6))]);

  it('rewards latents that belong to one class and not latents that mix them', () => {
    const clean = targetedProbePerturbation(monosemantic, rows, { n: [1], replicates: 100 });
    const drops = clean.drops['1'] as Float64Array;
    expect(clean.labels).toEqual(['class-0', 'class-1', 'class-2', 'class-3']);
    for (let i = 0; i < 4; i++) expect(drops[i * 4 + i]).toBeGreaterThan(0.4);
    expect(clean.metrics['tpp_n1@1']?.value).toBeGreaterThan(0.35);
    const tangled = targetedProbePerturbation(mixed, rows, { n: [1], replicates: 0 });
    expect(tangled.metrics['tpp_n1@1']?.value).toBeLessThan(0.15);
    expect(tangled.metrics['tpp_probe_accuracy@1']?.value).toBeGreaterThan(0.9);
  });

  it('pools documents: a probe reads the mean of its tokens, and latents are taken out of the mean', () => {
    // Ten tokens a document.
    const labels = Array.from({ length: 1600 }, (_, i) => `class-${Math.floor(i / 10) % 4}`);
    const tokens = rowsOf(labels, (label) => [Number(label.slice(6))]);
    const documents = { ...tokens, groups: labels.map((_, i) => `doc-${Math.floor(i / 10)}`) };
    const clean = targetedProbePerturbation(monosemantic, documents, { n: [1], pool: true, replicates: 50 });
    expect(Object.keys(clean.metrics).sort()).toEqual(['tpp_pooled_n1@1', 'tpp_probe_accuracy@1']);
    expect(clean.metrics['tpp_pooled_n1@1']?.value).toBeGreaterThan(0.35);
    expect(clean.metrics['tpp_pooled_n1@1']?.samples.length).toBe(50);
  });
});

describe('spurious correlation removal', () => {
  // Labels are target,spurious; axis 0 = target, axis 1 = spurious and stronger.
  const labels = Array.from({ length: 1600 }, (_, i) => `${i % 2},${Math.floor(i / 2) % 2}`);
  const draw = random(5);
  const rows = rowsOf(labels, (l) => [...(l[0] === '1' ? [0] : []), ...(l[2] === '1' ? [1, 2] : [])]);
  const noisy = { ...rows, x: rows.x.map((v, i) => (i % WIDTH === 0 ? v + draw.normal() : v)) };
  const task = { target: (l: string): boolean => l[0] === '1', spurious: (l: string): boolean => l[2] === '1' };

  it('recovers most of the oracle when the spurious property has its own latents', () => {
    const { metrics } = spuriousCorrelationRemoval(monosemantic, noisy, { ...task, n: [2], replicates: 100, ablation: 'mean' });
    const zero = spuriousCorrelationRemoval(monosemantic, noisy, { ...task, n: [2], replicates: 0 });
    // Taking latents to zero leaves the biased probe's threshold where the spurious property had put it.
    expect(zero.metrics['scr_n2@1']?.value).toBeLessThan(metrics['scr_mean_n2@1']?.value as number);
    expect(metrics['scr_base_accuracy@1']?.value).toBeLessThan(0.75);
    expect(metrics['scr_oracle_accuracy@1']?.value).toBeGreaterThan(0.75);
    expect(metrics['scr_mean_n2@1']?.value).toBeGreaterThan(0.4);
    const pooled = spuriousCorrelationRemoval(monosemantic, { ...noisy, groups: labels.map((label, i) => `${label}/${Math.floor(i / 8)}`) }, { ...task, n: [2], replicates: 0, ablation: 'mean', pool: true });
    expect(pooled.metrics['scr_pooled_mean_n2@1']?.value).toBeGreaterThan(0.4);
  });

  it('changes nothing for an SAE that knows nothing of it, and refuses unconfounded data', () => {
    const blind = saeOf([axis(6), axis(7)]);
    const { metrics } = spuriousCorrelationRemoval(blind, noisy, { ...task, n: [2], replicates: 0 });
    expect(Math.abs(metrics['scr_n2@1']?.value as number)).toBeLessThan(0.1);
    expect(() => spuriousCorrelationRemoval(blind, noisy, { ...task, spurious: task.target })).toThrow(/all four combinations/);
  });
});

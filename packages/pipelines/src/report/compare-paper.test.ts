import { describe, expect, it } from 'vitest';
import { comparePaper } from './compare-paper.js';
import { paperRows } from './paper-rows.js';
import type { ReportData, SaeRow } from './report-data.js';

function sae(arm: string, l0: number, fve: number, seed = 1): SaeRow {
  return { sae: `${arm}-${l0}-${seed}`, arm, latents: 10, targetL0: Math.round(l0), seed, texts: { domain: { l0: { value: l0 }, fve: { value: fve }, withBos: { fve: { value: fve + 0.1 } } } } };
}

function report(saes: readonly SaeRow[]): ReportData {
  return { version: 1, title: '', saes, arms: [], paper: { setting: '2b-16k', domainArm: 'domain', broadArm: 'broad' } } as unknown as ReportData;
}

describe('comparePaper', () => {
  it('lays every published row beside ours at its measured L0', () => {
    const rows = comparePaper(report([sae('broad', 10, 0.2), sae('broad', 1000, 0.4)]));
    expect(rows).toHaveLength(paperRows('2b-16k').length);
    const row = rows.find(({ arm, nominalL0 }) => arm === 'broad' && nominalL0 === 71);
    expect(row?.published).toEqual({ fve: 0.728, fveWithoutBos: 0.728, lossRecovered: 0.9636, deltaCe: 0.387 });
    expect(row?.ours?.within).toBe(true);
    expect(row?.ours?.fve).toBeCloseTo(0.2 + (0.2 * Math.log(76.6 / 10)) / Math.log(100), 10);
    expect(rows.find(({ arm }) => arm === 'domain')?.ours).toBeUndefined();
  });

  it('scores the domain arm with BOS as the paper did, and beside it without', () => {
    const row = comparePaper(report([sae('domain', 5, 0.5), sae('domain', 500, 0.7)])).find(({ arm }) => arm === 'domain');
    expect((row?.ours?.fve ?? 0) - (row?.ours?.fveWithoutBos ?? 0)).toBeCloseTo(0.1, 10);
    expect(row?.published.fveWithoutBos).toBe(0.8);
  });

  it('says when the run does not reach a published L0, and averages seeds', () => {
    const row = comparePaper(report([sae('broad', 4, 0.2, 1), sae('broad', 4, 0.4, 2), sae('broad', 8, 0.5, 1)])).find(({ arm }) => arm === 'broad');
    expect(row?.ours).toMatchObject({ l0: 8, within: false, fve: 0.5 });
    const dense = comparePaper(report([sae('broad', 4000, 0.2, 1), sae('broad', 4000, 0.4, 2)])).find(({ arm }) => arm === 'broad');
    expect(dense?.ours?.fve).toBeCloseTo(0.3, 12);
  });
});

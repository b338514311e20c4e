import { expect, it } from 'vitest';
import { gapParagraph, paperGap } from './paper-gap.js';
import type { SaeRow } from './report-data.js';

const sae = (arm: string, l0: number, { fve, withBos, seed = 0 }: { readonly fve: number; readonly withBos?: number; readonly seed?: number }): SaeRow => ({
  sae: `${arm}-${l0}-${seed}`,
  arm,
  latents: 8,
  targetL0: l0,
  seed,
  texts: { domain: { l0: { value: l0 }, fve: { value: fve }, ...(withBos === undefined ? {} : { withBos: { fve: { value: withBos } } }) } },
});
const section = { setting: '2b-16k', domainArm: 'domain', broadArm: 'broad' } as const;

it('lays the published gap beside ours, with and without BOS in the domain arm', () => {
  const saes = [sae('domain', 10, { fve: 0.7, withBos: 0.8 }), sae('domain', 90, { fve: 0.8, withBos: 0.86 }), sae('broad', 10, { fve: 0.6 }), sae('broad', 90, { fve: 0.75 })];
  const rows = paperGap(saes, section);
  const at40 = rows.find((row) => row.l0 === 40)!;
  // domain: .876 at 34.8 and .888 at 58.3; Gemma Scope: .642 at 22.6 and .683 at 40.2
  const mix = (a: number, b: number, t: number): number => a + t * (b - a);
  const published = mix(0.876, 0.888, Math.log(40 / 34.8) / Math.log(58.3 / 34.8)) - mix(0.642, 0.683, Math.log(40 / 22.6) / Math.log(40.2 / 22.6));
  expect(at40.paperReported).toBeCloseTo(published, 10);
  expect(at40.paperWithoutBos!).toBeLessThan(at40.paperReported! - 0.04);
  const t = Math.log(4) / Math.log(9);
  expect(at40.ours).toBeCloseTo(mix(0.1, 0.05, t), 10);
  expect(at40.oursAsPaper).toBeCloseTo(mix(0.2, 0.11, t), 10);
});

it('leaves out what lies outside a curve, and averages seeds', () => {
  const rows = paperGap([sae('domain', 12, { fve: 0.7 }), sae('domain', 12, { fve: 0.8, seed: 1 }), sae('broad', 12, { fve: 0.5 })], section);
  expect(rows.find((row) => row.l0 === 12)).toEqual({ l0: 12, paperReported: undefined, paperWithoutBos: undefined, oursAsPaper: undefined, ours: 0.25 });
  expect(rows.find((row) => row.l0 === 8)).toBeUndefined();
});

it('says how much of the gap remains when BOS is treated alike', () => {
  const row = (l0: number, oursAsPaper: number, ours: number) => ({ l0, paperReported: undefined, paperWithoutBos: undefined, oursAsPaper, ours });
  expect(gapParagraph([row(4, 0.2, 0.1), row(8, 0.2, 0.12), row(16, 0.1, -0.02)])).toBe(
    'Here, with BOS in the domain arm and out of the broad arm as in the paper, then out of both, there remains +0.100 of +0.200 (50%) at L0 4 and −0.020 of +0.100 (−20%) at L0 16.',
  );
  expect(gapParagraph([{ l0: 4, paperReported: 0.1, paperWithoutBos: undefined, oursAsPaper: undefined, ours: 0.1 }])).toBeUndefined();
});

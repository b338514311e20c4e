import { expect, it } from 'vitest';
import type { SaeRow } from './report-data.js';
import { armsWithCurves, leftOutNote, oneWidth, widthsOf } from './widths.js';

const row = (arm: string, latents: number, targetL0: number): SaeRow => ({ sae: `${arm}-${latents}-${targetL0}`, arm, latents, targetL0, texts: {} });
const arms = ['broad', 'domain', 'stitched'].map((id) => ({ id, label: id.toUpperCase(), description: '' }));

it('keeps the width with most rows, the larger of equals', () => {
  expect(widthsOf(oneWidth([row('a', 64, 1), row('a', 32, 1), row('a', 32, 2)]))).toEqual([32]);
  expect(widthsOf(oneWidth([row('a', 64, 1), row('a', 32, 1)]))).toEqual([64]);
  expect(oneWidth([])).toEqual([]);
});

it('draws arms that make a curve, and says which it leaves out', () => {
  const saes = [row('broad', 32, 4), row('broad', 32, 8), row('domain', 32, 4), row('domain', 64, 8), row('stitched', 32, 4)];
  expect(armsWithCurves(arms, saes).map((arm) => arm.id)).toEqual(['broad', 'domain']);
  expect(leftOutNote(arms, saes)).toBe(' Arms with one target L0 (STITCHED) are in the table only. One width per arm is drawn; the table has all.');
  expect(armsWithCurves(arms, [row('broad', 32, 4), row('domain', 32, 4)]).map((arm) => arm.id)).toEqual(['broad', 'domain']);
  expect(leftOutNote(arms, [row('broad', 32, 4), row('domain', 32, 4)])).toBe('');
});

import { describe, expect, it } from 'vitest';
import { nearestPaperRow, paperDarkMatter, paperRows, paperSettings } from './paper-rows.js';

describe('published rows', () => {
  it('has the 45 published results', () => {
    expect(paperSettings.flatMap((setting) => paperRows(setting))).toHaveLength(45);
    expect(paperSettings.flatMap((setting) => paperDarkMatter(setting))).toHaveLength(39);
    expect(paperRows('9b-16k').filter((row) => row.arm === 'broad')).toHaveLength(8);
  });

  // Zeroing the residual stream of these models gives uniform logits, so loss recovered = 1 - delta CE / (ln 256000 - CE): 12.4529 - 1.82 or 1.68.
  it.each(paperSettings)('is consistent: loss recovered follows from delta CE (%s)', (setting) => {
    const range = 12.4529 - (setting.startsWith('2b') ? 1.82 : 1.68);
    for (const row of paperRows(setting)) expect(Math.abs(row.lossRecovered - (1 - row.deltaCe / range))).toBeLessThan(0.0015);
  });

  it.each(paperSettings)('is ordered by L0, and the estimate without BOS lies below the reported FVE (%s)', (setting) => {
    for (const arm of ['domain', 'broad'] as const) {
      const l0 = paperRows(setting).filter((row) => row.arm === arm).map((row) => row.l0);
      expect(l0).toEqual([...l0].sort((a, b) => a - b));
    }
    for (const row of paperRows(setting)) if (row.fveWithoutBos !== undefined) expect(row.fve - row.fveWithoutBos).toBeGreaterThan(0.02);
  });

  it('agrees between its tables on 2b: FVE = 1 - FVU_nl / (1 - R2) for Gemma Scope, which was measured without BOS in both', () => {
    for (const setting of ['2b-16k', '2b-65k'] as const) {
      const fve = paperRows(setting).filter((row) => row.arm === 'broad');
      paperDarkMatter(setting)
        .filter((row) => row.arm === 'broad')
        .forEach((row, i) => expect(Math.abs(1 - row.fvuNonlinear / (1 - row.r2Vector) - fve[i]!.fve)).toBeLessThan(0.015));
    }
  });

  it('finds the nearest row on a log scale', () => {
    expect(nearestPaperRow('2b-16k', 'domain', 84).l0).toBe(58.3);
    expect(nearestPaperRow('2b-16k', 'domain', 85).l0).toBe(122);
    expect(nearestPaperRow('9b-32k', 'broad', 1).l0).toBe(10.9);
  });
});

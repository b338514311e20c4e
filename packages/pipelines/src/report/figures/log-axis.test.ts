import { expect, it } from 'vitest';
import { logDomain, logTicks, wantsLog } from './log-axis.js';

it('puts ticks at 1, 2, 5 within the drawn range only', () => {
  expect(logTicks([4.1, 64])).toEqual([5, 10, 20, 50]);
  expect(logTicks([0.002, 0.011])).toEqual([0.002, 0.005, 0.01]);
  const [from, to] = logDomain([18, 170]);
  for (const tick of logTicks([18, 170])) expect(tick >= from && tick <= to).toBe(true);
  expect(logTicks([])).toEqual([]);
});

it('asks for a log axis only for positive values of very different size', () => {
  expect(wantsLog([0.01, 1])).toBe(true);
  expect(wantsLog([0.1, 1])).toBe(false);
  expect(wantsLog([-0.01, 1])).toBe(false);
});

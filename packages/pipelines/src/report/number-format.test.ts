import { expect, it } from 'vitest';
import { duration, formatCell, formatNumber } from './number-format.js';

it('writes numbers for people', () => {
  expect(formatNumber(1234567, 'integer')).toBe('1 234 567');
  expect(formatNumber(-0.12345, 'fixed4')).toBe('−0.1235');
  expect(formatNumber(-0.00001, 'fixed3')).toBe('0.000');
  expect(formatNumber(0.05, 'signed4')).toBe('+0.0500');
  expect(formatNumber(0.00001, 'signed3')).toBe('0.000');
  expect(formatNumber(0.1234, 'percent')).toBe('12.3%');
  expect(formatNumber(1.76e13, 'scientific')).toBe('1.76e13');
  expect(formatNumber(13, 'short3')).toBe('13.0');
  expect(formatNumber(122.4, 'short3')).toBe('122');
  expect(formatNumber(4608, 'short3')).toBe('4 608');
  expect(formatNumber(Number.NaN, 'fixed2')).toBe('–');
});

it('writes cells, with their interval where they have one', () => {
  expect(formatCell({ value: 0.5, low: 0.4, high: 0.6 }, 'fixed2')).toBe('0.50 [0.40, 0.60]');
  expect(formatCell({ value: 0.5 }, 'fixed2')).toBe('0.50');
  expect(formatCell(null, 'fixed2')).toBe('–');
});

it('writes durations', () => {
  expect([0.25, 45, 300, 7200].map(duration)).toEqual(['0.25 s', '45.0 s', '5.0 min', '2.0 h']);
});

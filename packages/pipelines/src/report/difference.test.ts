import { expect, it } from 'vitest';
import { matchedDifference } from './difference.js';

it('adds the two arms’ own intervals in quadrature for one seed', () => {
  const { value, low, high } = matchedDifference([{ first: { value: 0.8, low: 0.77, high: 0.83 }, second: { value: 0.7, low: 0.66, high: 0.74 } }]);
  expect(value).toBeCloseTo(0.1, 12);
  expect(high! - value).toBeCloseTo(0.05, 12);
  expect(value - low!).toBeCloseTo(0.05, 12);
});

it('uses Student’s t over paired seeds: differences 1, 2, 3 give 2 +- 4.303 / sqrt(3)', () => {
  const pair = (difference: number) => ({ first: { value: 10 + difference }, second: { value: 10 } });
  const { value, low, high } = matchedDifference([pair(1), pair(2), pair(3)]);
  expect(value).toBeCloseTo(2, 12);
  expect(high! - 2).toBeCloseTo(4.303 / Math.sqrt(3), 3);
  expect(2 - low!).toBeCloseTo(4.303 / Math.sqrt(3), 3);
});

it('does not shrink the text part with more seeds', () => {
  const pair = { first: { value: 0.8, low: 0.77, high: 0.83 }, second: { value: 0.7, low: 0.66, high: 0.74 } };
  const { value, high } = matchedDifference([pair, pair, pair]);
  expect(high! - value).toBeCloseTo(0.05, 12);
});

it('has no interval for one seed without intervals', () => {
  expect(matchedDifference([{ first: { value: 3 }, second: { value: 1 } }])).toEqual({ value: 2 });
});

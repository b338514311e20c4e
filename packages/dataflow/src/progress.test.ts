import { describe, expect, it } from 'vitest';
import { progressMeter } from './progress.js';

const at = (done: number, total?: number): { stage: string; done: number; unit: string; total?: number } => ({
  stage: 'train',
  done,
  unit: 'tokens',
  ...(total === undefined ? {} : { total }),
});

describe('progressMeter', () => {
  it('gives rate, time left and share', () => {
    const meter = progressMeter();
    expect(meter(at(0, 1000), 0)).toEqual({ ...at(0, 1000), share: 0 });
    expect(meter(at(100, 1000), 2000)).toEqual({ ...at(100, 1000), rate: 50, secondsLeft: 18, share: 0.1 });
    expect(meter(at(1000, 1000), 4000)).toMatchObject({ secondsLeft: 0, share: 1 });
  });

  it('follows what happens now: old samples leave the window', () => {
    const meter = progressMeter({ windowMs: 10_000 });
    let reading = meter(at(0), 0);
    for (let second = 1; second <= 60; second++) reading = meter(at(second <= 30 ? second * 100 : 3000 + (second - 30) * 10), second * 1000);
    expect(reading.rate).toBeCloseTo(10, 9);
    expect(reading).not.toHaveProperty('secondsLeft');
    expect(reading).not.toHaveProperty('share');
  });

  it('has a rate for events further apart than the window', () => {
    const meter = progressMeter({ windowMs: 1000 });
    meter(at(0), 0);
    expect(meter(at(10), 20_000).rate).toBeCloseTo(0.5, 12);
    expect(meter(at(30), 40_000).rate).toBeCloseTo(1, 12);
  });

  it('starts anew with a new stage and when the count falls', () => {
    const meter = progressMeter();
    meter(at(0), 0);
    meter(at(100), 1000);
    expect(meter({ stage: 'evaluate', done: 5, unit: 'tokens' }, 2000)).not.toHaveProperty('rate');
    expect(meter({ stage: 'evaluate', done: 9, unit: 'tokens' }, 3000).rate).toBe(4);
    expect(meter({ stage: 'evaluate', done: 1, unit: 'tokens' }, 4000)).not.toHaveProperty('rate');
  });

  it('stays right over thousands of quick events', () => {
    const meter = progressMeter();
    let reading = meter(at(0, 1e6), 0);
    for (let i = 1; i <= 5000; i++) reading = meter(at(i * 3, 1e6), i);
    expect(reading.rate).toBeCloseTo(3000, 6);
  });

  it('shows no time left while nothing moves, and a whole of nothing as done', () => {
    const meter = progressMeter();
    meter(at(5, 10), 0);
    expect(meter(at(5, 10), 1000)).not.toHaveProperty('secondsLeft');
    expect(meter({ stage: 's', done: 0, total: 0, unit: 'x' }, 1000)).toMatchObject({ share: 1, secondsLeft: 0 });
  });
});

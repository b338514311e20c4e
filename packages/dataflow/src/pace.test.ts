import { describe, expect, it } from 'vitest';
import { Pace } from './pace.js';

describe('Pace', () => {
  it('counts items and has room below its limit', () => {
    const pace = new Pace(2);
    pace.enter();
    expect(pace.hasRoom).toBe(true);
    pace.enter();
    expect(pace.hasRoom).toBe(false);
    expect(pace.inside).toBe(2);
    pace.leave();
    expect(pace.hasRoom).toBe(true);
  });

  it('wakes a waiting source when an item leaves', async () => {
    const pace = new Pace(1);
    pace.enter();
    let woken = false;
    const room = pace.room().then(() => (woken = true));
    await Promise.resolve();
    expect(woken).toBe(false);
    pace.leave();
    await room;
    expect(woken).toBe(true);
  });

  it('stops waiting when the signal aborts, without room', async () => {
    const pace = new Pace(1);
    pace.enter();
    const stop = new AbortController();
    const room = pace.room(stop.signal);
    stop.abort();
    await room;
    expect(pace.hasRoom).toBe(false);
  });

  it('waits while held, whatever the count, until every hold is released', async () => {
    const pace = new Pace(5);
    const first = pace.hold();
    const second = pace.hold();
    first();
    first();
    expect(pace.hasRoom).toBe(false);
    second();
    expect(pace.hasRoom).toBe(true);
    await pace.room();
  });

  it('refuses a limit below 1 and a leave without an enter', () => {
    expect(() => new Pace(0)).toThrow(expect.objectContaining({ code: 'bad-config' }));
    expect(() => new Pace(1).leave()).toThrow(expect.objectContaining({ code: 'conflict' }));
  });
});

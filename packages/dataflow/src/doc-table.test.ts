import { describe, expect, it } from 'vitest';
import type { RowOrigin } from './currency.js';
import { DocTable } from './doc-table.js';

const origin = (docs: readonly string[], domains: readonly string[] = docs.map(() => 'x')): RowOrigin => ({
  tokenId: new Int32Array(0),
  position: new Int32Array(0),
  doc: new Int32Array(0),
  docs,
  domains,
});

describe('DocTable', () => {
  it('gives the same document one entry, and the same id in another domain another', () => {
    const table = new DocTable();
    const entries = table.entries(origin(['a', 'b', 'a', 'a'], ['x', 'x', 'x', 'y']));
    expect(entries[2]).toBe(entries[0]);
    expect(new Set(entries).size).toBe(3);
  });

  it('forgets documents when their last row is taken, and reuses their entries', () => {
    const table = new DocTable();
    const [a, b] = table.entries(origin(['a', 'b']));
    table.hold(a!);
    table.hold(a!);
    table.hold(b!);
    const doc = Int32Array.of(b!, a!, -1);
    expect(table.take(doc)).toEqual({ docs: ['b', 'a'], domains: ['x', 'x'] });
    expect([...doc]).toEqual([0, 1, -1]);
    expect(table.size).toBe(1);
    table.take(Int32Array.of(a!));
    expect(table.size).toBe(0);
    expect(table.entries(origin(['c']))[0]).toBeLessThan(2);
  });

  it('stays as small as what it holds over a long stream', () => {
    const table = new DocTable();
    for (let i = 0; i < 1000; i++) {
      const entries = table.entries(origin([`d${i}`, `unused${i}`]));
      table.hold(entries[0]!);
      table.settle(entries);
      table.take(Int32Array.of(entries[0]!));
    }
    expect(table.size).toBe(0);
    expect(table.entries(origin(['z']))[0]).toBeLessThan(3);
  });
});

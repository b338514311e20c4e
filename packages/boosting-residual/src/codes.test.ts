import { expect, it } from 'vitest';
import type { SparseCodes } from '@salmon-sae/dataflow';
import { concatCodes, silentRow, sliceLatents, splitCodes, spreadRows } from './codes.js';

/** Rows as lists of [latent, value]. */
function codes(latents: number, rows: readonly (readonly (readonly [number, number])[])[]): SparseCodes {
  const flat = rows.flat();
  return {
    rows: rows.length,
    latents,
    indptr: Int32Array.from([0, ...rows.map((_, i) => rows.slice(0, i + 1).flat().length)]),
    indices: Int32Array.from(flat, ([latent]) => latent),
    values: Float32Array.from(flat, ([, value]) => value),
  };
}

const a = codes(3, [[[0, 1], [2, 2]], [], [[1, 3]]]);
const b = codes(2, [[[1, 4]], [], [[0, 5], [1, 6]]]);

it('puts codes side by side, ascending within each row, and takes them apart again', () => {
  const both = concatCodes([a, b]);
  expect(both).toEqual(codes(5, [[[0, 1], [2, 2], [4, 4]], [], [[1, 3], [3, 5], [4, 6]]]));
  expect(splitCodes(both, [3, 2])).toEqual([a, b]);
  expect(sliceLatents(both, 2, 4)).toEqual(codes(2, [[[0, 2]], [], [[1, 5]]]));
  expect([0, 1, 2].map((row) => silentRow(both, row))).toEqual([false, true, false]);
});

it('spreads codes of chosen rows over all rows', () => {
  expect(spreadRows(a, Int32Array.of(1, 2, 5), 6)).toEqual(codes(3, [[], [[0, 1], [2, 2]], [], [], [], [[1, 3]]]));
  expect(spreadRows(codes(3, []), new Int32Array(0), 2)).toEqual(codes(3, [[], []]));
});

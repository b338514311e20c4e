import type { DocumentSums } from '../documents/document-sums.js';
import { documentSums } from '../documents/document-sums.js';
import type { DocumentUnits } from '../documents/document-units.js';

/** Scalar columns of the sums over x; then Σx_d and Σx_d² per dimension. */
export const INPUT = { tokens: 0, nonZero: 1, offCentre: 2, squares: 3, norms: 4, width: 5 } as const;

/** Sums over what is to be reconstructed; shared by all SAEs of one pass. */
export interface InputSums {
  readonly sums: DocumentSums;
  /** Adds rows; writes ‖x‖² and ‖x − centre‖² of each into `squares` and `offsets`. */
  add(rows: InputRows, squares: Float64Array, offsets: Float64Array): void;
}

export interface InputRows {
  readonly x: Float32Array;
  readonly rows: number;
  /** [rows] resampling unit */
  readonly unit: Int32Array;
  readonly centre: ArrayLike<number>;
}

export function inputSums(units: DocumentUnits, width: number): InputSums {
  const sums = documentSums(units, INPUT.width + 2 * width);
  return {
    sums,
    add: ({ x, rows, unit, centre }, squares, offsets) => {
      sums.reserve();
      const data = sums.data;
      for (let t = 0; t < rows; t++) {
        const at = (unit[t] as number) * sums.columns;
        const s1 = at + INPUT.width;
        const s2 = s1 + width;
        let q = 0;
        let off = 0;
        for (let d = 0; d < width; d++) {
          const v = x[t * width + d] as number;
          const c = v - (centre[d] as number);
          q += v * v;
          off += c * c;
          data[s1 + d] = (data[s1 + d] as number) + v;
          data[s2 + d] = (data[s2 + d] as number) + v * v;
        }
        squares[t] = q;
        offsets[t] = off;
        bump(data, at + INPUT.tokens, 1);
        bump(data, at + INPUT.nonZero, q > 0 ? 1 : 0);
        bump(data, at + INPUT.offCentre, off > 0 ? 1 : 0);
        bump(data, at + INPUT.squares, q);
        bump(data, at + INPUT.norms, Math.sqrt(q));
      }
    },
  };
}

function bump(data: Float64Array, at: number, by: number): void {
  data[at] = (data[at] as number) + by;
}

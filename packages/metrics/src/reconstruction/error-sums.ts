import type { SparseCodes } from '@salmon-sae/dataflow';
import type { DocumentSums } from '../documents/document-sums.js';
import { documentSums } from '../documents/document-sums.js';
import type { DocumentUnits } from '../documents/document-units.js';
import type { InputRows } from './input-sums.js';

/** Scalar columns of the sums over one SAE's reconstructions; then Σe_d and Σe_d² per dimension. */
export const ERROR = {
  total: 0,
  norms: 1,
  dot: 2,
  reconSquares: 3,
  reconNorms: 4,
  cosines: 5,
  ratios: 6,
  relative: 7,
  centredRelative: 8,
  active: 9,
  l1: 10,
  width: 11,
} as const;

/** Per-row facts about x that every SAE of the pass shares. */
export interface RowNorms {
  readonly squares: Float64Array;
  readonly offsets: Float64Array;
}

/** Sums over one SAE's errors and codes. */
export interface ErrorSums {
  readonly sums: DocumentSums;
  add(rows: InputRows, norms: RowNorms, output: { readonly codes: SparseCodes; readonly recon: Float32Array }): void;
}

export function errorSums(units: DocumentUnits, width: number): ErrorSums {
  const sums = documentSums(units, ERROR.width + 2 * width);
  const row = new Float64Array(ERROR.width);
  return {
    sums,
    add: ({ x, rows, unit }, { squares, offsets }, { codes, recon }) => {
      sums.reserve();
      const data = sums.data;
      for (let t = 0; t < rows; t++) {
        const at = (unit[t] as number) * sums.columns;
        const s1 = at + ERROR.width;
        const s2 = s1 + width;
        let total = 0;
        let dot = 0;
        let r2 = 0;
        for (let d = 0; d < width; d++) {
          const v = x[t * width + d] as number;
          const r = recon[t * width + d] as number;
          const e = v - r;
          total += e * e;
          dot += v * r;
          r2 += r * r;
          data[s1 + d] = (data[s1 + d] as number) + e;
          data[s2 + d] = (data[s2 + d] as number) + e * e;
        }
        const q = squares[t] as number;
        const off = offsets[t] as number;
        row[ERROR.total] = total;
        row[ERROR.norms] = Math.sqrt(total);
        row[ERROR.dot] = dot;
        row[ERROR.reconSquares] = r2;
        row[ERROR.reconNorms] = Math.sqrt(r2);
        row[ERROR.cosines] = q > 0 && r2 > 0 ? dot / Math.sqrt(q * r2) : 0;
        row[ERROR.ratios] = q > 0 ? Math.sqrt(r2 / q) : 0;
        row[ERROR.relative] = q > 0 ? total / q : 0;
        row[ERROR.centredRelative] = off > 0 ? total / off : 0;
        countCodes(codes, t, row);
        for (let c = 0; c < ERROR.width; c++) data[at + c] = (data[at + c] as number) + (row[c] as number);
      }
    },
  };
}

function countCodes(codes: SparseCodes, t: number, row: Float64Array): void {
  let active = 0;
  let l1 = 0;
  for (let i = codes.indptr[t] as number; i < (codes.indptr[t + 1] as number); i++) {
    const f = codes.values[i] as number;
    if (f !== 0) active++;
    l1 += Math.abs(f);
  }
  row[ERROR.active] = active;
  row[ERROR.l1] = l1;
}

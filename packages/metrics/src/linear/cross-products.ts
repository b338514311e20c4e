/** Rows per block: two operands of this many rows and a few hundred columns stay in the second-level cache. */
const BLOCK = 64;

/** A row-major [rows, columns] operand. */
export interface Operand {
  readonly data: Float32Array | Float64Array;
  readonly columns: number;
}

/**
 * Adds aᵀb, [a.columns, b.columns], to `into` in float64. Blocks of rows are transposed first, so that the inner loop is a dot
 * product over contiguous memory (about 1 G multiply-adds a second on one core).
 */
export function addCrossProducts(into: Float64Array, a: Operand, b: Operand): void {
  const rows = a.data.length / a.columns;
  const same = a.data === b.data;
  const aT = new Float64Array(a.columns * BLOCK);
  const bT = same ? aT : new Float64Array(b.columns * BLOCK);
  for (let from = 0; from < rows; from += BLOCK) {
    const n = Math.min(BLOCK, rows - from);
    transposeBlock(aT, a, from, n);
    if (!same) transposeBlock(bT, b, from, n);
    multiplyBlock(into, { aT, p: a.columns, bT, q: b.columns });
  }
}

function transposeBlock(into: Float64Array, { data, columns }: Operand, from: number, n: number): void {
  if (n < BLOCK) into.fill(0);
  for (let t = 0; t < n; t++) {
    const at = (from + t) * columns;
    for (let c = 0; c < columns; c++) into[c * BLOCK + t] = data[at + c] as number;
  }
}

interface Block {
  readonly aT: Float64Array;
  readonly p: number;
  readonly bT: Float64Array;
  readonly q: number;
}

function multiplyBlock(into: Float64Array, { aT, p, bT, q }: Block): void {
  const p2 = p - (p % 2);
  const q2 = q - (q % 2);
  for (let i = 0; i < p2; i += 2) {
    const a0 = i * BLOCK;
    const a1 = a0 + BLOCK;
    for (let j = 0; j < q2; j += 2) {
      const b0 = j * BLOCK;
      const b1 = b0 + BLOCK;
      let s00 = 0;
      let s01 = 0;
      let s10 = 0;
      let s11 = 0;
      for (let t = 0; t < BLOCK; t++) {
        const x0 = aT[a0 + t] as number;
        const x1 = aT[a1 + t] as number;
        const y0 = bT[b0 + t] as number;
        const y1 = bT[b1 + t] as number;
        s00 += x0 * y0;
        s01 += x0 * y1;
        s10 += x1 * y0;
        s11 += x1 * y1;
      }
      const at = i * q + j;
      into[at] = (into[at] as number) + s00;
      into[at + 1] = (into[at + 1] as number) + s01;
      into[at + q] = (into[at + q] as number) + s10;
      into[at + q + 1] = (into[at + q + 1] as number) + s11;
    }
  }
  for (let i = 0; i < p; i++) {
    for (let j = i < p2 ? q2 : 0; j < q; j++) {
      let s = 0;
      for (let t = 0; t < BLOCK; t++) s += (aT[i * BLOCK + t] as number) * (bT[j * BLOCK + t] as number);
      into[i * q + j] = (into[i * q + j] as number) + s;
    }
  }
}

import type { SparseCodes } from '@salmon-sae/dataflow';

/** Grows sparse codes row by row; rows are appended in order, indices ascending within a row. */
export class CsrBuilder {
  readonly #latents: number;
  readonly #indptr: Int32Array;
  #indices = new Int32Array(1024);
  #values = new Float32Array(1024);
  #rows = 0;
  #nnz = 0;
  /** Codes that came all at once. */
  #whole: SparseCodes | undefined;

  constructor(rows: number, latents: number) {
    this.#latents = latents;
    this.#indptr = new Int32Array(rows + 1);
  }

  push(index: number, value: number): void {
    if (this.#nnz === this.#indices.length) this.#grow();
    this.#indices[this.#nnz] = index;
    this.#values[this.#nnz] = value;
    this.#nnz += 1;
  }

  endRow(): void {
    this.#rows += 1;
    this.#indptr[this.#rows] = this.#nnz;
  }

  /** Appends dense rows [rows, latents], keeping what is above zero. */
  pushDense(dense: Float32Array): void {
    for (let start = 0; start < dense.length; start += this.#latents) {
      for (let i = 0; i < this.#latents; i++) {
        const value = dense[start + i] as number;
        if (value > 0) this.push(i, value);
      }
      this.endRow();
    }
  }

  /** Appends rows of `k` candidates each, in any order of index; what is not above zero is left out. */
  pushCandidates(indices: Int32Array, values: Float32Array, k: number): void {
    const order: number[] = [];
    for (let start = 0; start < indices.length; start += k) {
      order.length = 0;
      for (let j = start; j < start + k; j++) if ((values[j] as number) > 0) order.push(j);
      order.sort((a, b) => (indices[a] as number) - (indices[b] as number));
      for (const j of order) this.push(indices[j] as number, values[j] as number);
      this.endRow();
    }
  }

  /** Appends the rows of other codes over the same latents, which the builder may keep. */
  pushCodes(codes: SparseCodes): void {
    if (this.#rows === 0 && codes.rows === this.#indptr.length - 1) {
      this.#whole = codes;
      return;
    }
    const { rows, indptr, indices, values } = codes;
    const from = this.#nnz;
    this.#nnz += indices.length;
    while (this.#nnz > this.#indices.length) this.#grow();
    this.#indices.set(indices, from);
    this.#values.set(values, from);
    for (let row = 1; row <= rows; row++) this.#indptr[this.#rows + row] = from + (indptr[row] as number);
    this.#rows += rows;
  }

  finish(): SparseCodes {
    if (this.#whole !== undefined) return this.#whole;
    return {
      rows: this.#rows,
      latents: this.#latents,
      indptr: this.#indptr,
      indices: this.#indices.slice(0, this.#nnz),
      values: this.#values.slice(0, this.#nnz),
    };
  }

  #grow(): void {
    const indices = new Int32Array(2 * this.#indices.length);
    const values = new Float32Array(2 * this.#values.length);
    indices.set(this.#indices);
    values.set(this.#values);
    this.#indices = indices;
    this.#values = values;
  }
}

/** Codes as a dense matrix [rows, latents]; for small use. */
export function denseCodes(codes: SparseCodes): Float32Array {
  const dense = new Float32Array(codes.rows * codes.latents);
  for (let row = 0; row < codes.rows; row++) {
    for (let j = codes.indptr[row] as number; j < (codes.indptr[row + 1] as number); j++) {
      dense[row * codes.latents + (codes.indices[j] as number)] = codes.values[j] as number;
    }
  }
  return dense;
}

/** Dense codes [rows, latents] as CSR; what is not above zero is left out. */
export function sparseCodes(dense: Float32Array, rows: number): SparseCodes {
  const builder = new CsrBuilder(rows, dense.length / rows);
  builder.pushDense(dense);
  return builder.finish();
}

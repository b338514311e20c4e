/** Adds every row of a row-major array to `sums`, whose length is the number of columns. */
export function addInto(sums: Float64Array, rows: Float32Array | Float64Array): void {
  const columns = sums.length;
  for (let at = 0; at < rows.length; at += columns) {
    for (let c = 0; c < columns; c++) sums[c] = (sums[c] as number) + (rows[at + c] as number);
  }
}

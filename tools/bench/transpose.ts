/** Transpose of a row-major matrix [n, m], in tiles that stay in cache. */
export function transpose(data: Float32Array, n: number, m: number): Float32Array {
  const out = new Float32Array(data.length);
  const tile = 32;
  for (let row = 0; row < n; row += tile) {
    for (let column = 0; column < m; column += tile) {
      const [rows, columns] = [Math.min(n, row + tile), Math.min(m, column + tile)];
      for (let i = row; i < rows; i++) for (let j = column; j < columns; j++) out[j * n + i] = data[i * m + j]!;
    }
  }
  return out;
}

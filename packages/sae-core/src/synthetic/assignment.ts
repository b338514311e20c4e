/**
 * The assignment of rows to columns, each column at most once, with the largest total value (the Hungarian method with
 * potentials, O(rows^2 columns)). `value` is [rows, columns] row-major with rows <= columns.
 * @returns the column of each row.
 */
export function assign(value: ArrayLike<number>, rows: number, columns: number): Int32Array {
  // Kuhn's method with potentials on costs -value; index 0 of the working arrays stands for "none".
  const u = new Float64Array(rows + 1);
  const v = new Float64Array(columns + 1);
  const rowOf = new Int32Array(columns + 1);
  const way = new Int32Array(columns + 1);
  for (let row = 1; row <= rows; row++) {
    rowOf[0] = row;
    let column = 0;
    const least = new Float64Array(columns + 1).fill(Infinity);
    const used = new Uint8Array(columns + 1);
    do {
      used[column] = 1;
      const at = rowOf[column] as number;
      let delta = Infinity;
      let next = 0;
      for (let j = 1; j <= columns; j++) {
        if (used[j] === 1) continue;
        const reduced = -(value[(at - 1) * columns + j - 1] as number) - (u[at] as number) - (v[j] as number);
        if (reduced < (least[j] as number)) {
          least[j] = reduced;
          way[j] = column;
        }
        if ((least[j] as number) < delta) {
          delta = least[j] as number;
          next = j;
        }
      }
      for (let j = 0; j <= columns; j++) {
        if (used[j] === 1) {
          u[rowOf[j] as number] = (u[rowOf[j] as number] as number) + delta;
          v[j] = (v[j] as number) - delta;
        } else least[j] = (least[j] as number) - delta;
      }
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      const previous = way[column] as number;
      rowOf[column] = rowOf[previous] as number;
      column = previous;
    }
  }
  const assigned = new Int32Array(rows).fill(-1);
  for (let j = 1; j <= columns; j++) if ((rowOf[j] as number) > 0) assigned[(rowOf[j] as number) - 1] = j - 1;
  return assigned;
}

import type { DocumentUnits } from './document-units.js';

/** Additive float64 columns, one row per resampling unit; grows with the units and follows their folding. */
export interface DocumentSums {
  readonly columns: number;
  /** [>= units * columns]; fetch again after `reserve`, which may move it. */
  readonly data: Float64Array;
  /** Makes room for every unit known now. */
  reserve(): void;
  /** [columns] summed over all units. */
  total(): Float64Array;
}

export function documentSums(units: DocumentUnits, columns: number): DocumentSums {
  let data = new Float64Array(16 * columns);
  const grow = (rows: number): void => {
    if (rows * columns <= data.length) return;
    const next = new Float64Array(Math.max(rows * columns, Math.min(data.length * 2, data.length + 4_000_000)));
    next.set(data);
    data = next;
  };
  units.onFold((target, count) => {
    const next = new Float64Array(count * columns);
    for (let row = 0; row < target.length && (row + 1) * columns <= data.length; row++) {
      const to = (target[row] as number) * columns;
      for (let c = 0; c < columns; c++) next[to + c] = (next[to + c] as number) + (data[row * columns + c] as number);
    }
    data = next;
  });
  return {
    columns,
    get data() {
      return data;
    },
    reserve: () => grow(units.count),
    total: () => {
      const total = new Float64Array(columns);
      for (const unit of units.order()) {
        const at = unit * columns;
        if (at + columns > data.length) continue;
        for (let c = 0; c < columns; c++) total[c] = (total[c] as number) + (data[at + c] as number);
      }
      return total;
    },
  };
}

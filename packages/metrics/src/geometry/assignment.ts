import { SalmonError } from '@salmon-sae/dataflow';

/** A dense [rows, columns] cost matrix, row-major. */
export interface CostMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly cost: Float32Array;
}

/**
 * Minimum-cost assignment of every row to its own column (rows ≤ columns): shortest augmenting paths after column reduction and
 * augmenting row reduction (Jonker and Volgenant 1987), O(rows² columns) at worst. Returns the column of each row.
 */
export function assign(problem: CostMatrix): Int32Array {
  const { rows, columns, cost } = problem;
  if (rows > columns || cost.length !== rows * columns) {
    throw new SalmonError('bad-shape', {
      what: 'Not an assignment problem',
      expected: 'at most as many rows as columns, and rows x columns costs',
      got: `${rows} x ${columns} with ${cost.length} costs`,
    });
  }
  for (const c of cost) {
    if (c - c !== 0) throw new SalmonError('bad-shape', { what: 'An assignment cost is not finite', expected: 'finite costs', got: `${c}` });
  }
  const state: Assignment = {
    columnOf: new Int32Array(rows).fill(-1),
    rowOf: new Int32Array(columns).fill(-1),
    price: new Float64Array(columns),
  };
  // Prices of free columns must stay 0 unless every column will be used.
  if (rows === columns) reduceColumns(problem, state);
  let free = [...state.columnOf.keys()].filter((i) => state.columnOf[i] === -1);
  for (let pass = 0; pass < 2; pass++) free = reduceRows(problem, state, free);
  const search = searchSpace(columns);
  for (const row of free) augment(problem, state, row, search);
  return state.columnOf;
}

interface Assignment {
  readonly columnOf: Int32Array;
  readonly rowOf: Int32Array;
  /** Dual variable of each column; cost − price is the reduced cost. */
  readonly price: Float64Array;
}

function reduceColumns({ rows, columns, cost }: CostMatrix, { columnOf, rowOf, price }: Assignment): void {
  const best = new Int32Array(columns);
  for (let j = 0; j < columns; j++) price[j] = cost[j] as number;
  for (let i = 1; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      if ((cost[i * columns + j] as number) >= (price[j] as number)) continue;
      price[j] = cost[i * columns + j] as number;
      best[j] = i;
    }
  }
  for (let j = columns - 1; j >= 0; j--) {
    const i = best[j] as number;
    if (columnOf[i] !== -1) continue;
    columnOf[i] = j;
    rowOf[j] = i;
  }
}

/** Gives each free row its cheapest column, lowering that column's price to the second cheapest; returns the rows still free. */
function reduceRows({ columns, cost }: CostMatrix, { columnOf, rowOf, price }: Assignment, free: readonly number[]): number[] {
  const queue = [...free];
  const left: number[] = [];
  // Prices may creep down by tiny steps: bounded work, the rest is for the augmenting paths.
  let budget = 4 * free.length;
  for (let head = 0; head < queue.length; head++) {
    const i = queue[head] as number;
    if (budget-- <= 0) {
      left.push(i);
      continue;
    }
    const at = i * columns;
    let first = Number.POSITIVE_INFINITY;
    let second = Number.POSITIVE_INFINITY;
    let j1 = -1;
    let j2 = -1;
    for (let j = 0; j < columns; j++) {
      const h = (cost[at + j] as number) - (price[j] as number);
      if (h >= second) continue;
      if (h < first) {
        second = first;
        j2 = j1;
        first = h;
        j1 = j;
      } else {
        second = h;
        j2 = j;
      }
    }
    const strict = second - first > 1e-12;
    if (!strict && rowOf[j1] !== -1 && j2 !== -1) j1 = j2;
    const displaced = rowOf[j1] as number;
    if (strict && displaced !== -1 && Number.isFinite(second)) price[j1] = (price[j1] as number) - (second - first);
    if (!strict && displaced !== -1) {
      left.push(i);
      continue;
    }
    columnOf[i] = j1;
    rowOf[j1] = i;
    if (displaced === -1) continue;
    columnOf[displaced] = -1;
    queue.push(displaced);
  }
  return left;
}

interface Search {
  readonly distance: Float64Array;
  readonly from: Int32Array;
  /** Columns in three runs: scanned, at the current minimum, the rest. */
  readonly order: Int32Array;
}

function searchSpace(columns: number): Search {
  return { distance: new Float64Array(columns), from: new Int32Array(columns), order: new Int32Array(columns) };
}

/** Dijkstra over columns from a free row to the nearest free column, then flips the path and updates the prices. */
function augment({ columns, cost }: CostMatrix, { columnOf, rowOf, price }: Assignment, start: number, { distance, from, order }: Search): void {
  for (let j = 0; j < columns; j++) {
    distance[j] = (cost[start * columns + j] as number) - (price[j] as number);
    from[j] = start;
    order[j] = j;
  }
  let scanned = 0;
  let low = 0;
  let up = 0;
  let minimum = 0;
  let end = -1;
  while (end === -1) {
    if (low === up) {
      scanned = low;
      minimum = Number.POSITIVE_INFINITY;
      for (let k = up; k < columns; k++) {
        const j = order[k] as number;
        const h = distance[j] as number;
        if (h > minimum) continue;
        if (h < minimum) {
          up = low;
          minimum = h;
        }
        order[k] = order[up] as number;
        order[up++] = j;
      }
      for (let k = low; k < up && end === -1; k++) if (rowOf[order[k] as number] === -1) end = order[k] as number;
      if (end !== -1) break;
    }
    const j1 = order[low++] as number;
    const i = rowOf[j1] as number;
    const at = i * columns;
    const base = (cost[at + j1] as number) - (price[j1] as number) - minimum;
    for (let k = up; k < columns; k++) {
      const j = order[k] as number;
      const h = (cost[at + j] as number) - (price[j] as number) - base;
      if (h >= (distance[j] as number)) continue;
      distance[j] = h;
      from[j] = i;
      if (h > minimum) continue;
      if (rowOf[j] === -1) {
        end = j;
        break;
      }
      order[k] = order[up] as number;
      order[up++] = j;
    }
  }
  for (let k = 0; k < scanned; k++) {
    const j = order[k] as number;
    price[j] = (price[j] as number) + (distance[j] as number) - minimum;
  }
  for (let j = end; ; ) {
    const i = from[j] as number;
    rowOf[j] = i;
    const next = columnOf[i] as number;
    columnOf[i] = j;
    if (i === start) return;
    j = next;
  }
}

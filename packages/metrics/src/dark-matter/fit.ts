import { SalmonError } from '@salmon-sae/dataflow';
import { addInto } from '../linear/add-into.js';
import type { ProductEngine } from '../linear/engine.js';
import { float32Engine, float64Engine } from '../linear/engine.js';
import type { LinearMap, RidgeOptions } from '../linear/ridge.js';
import { ridgeSolver } from '../linear/ridge.js';
import type { NamedSae } from '../reconstruction/named-sae.js';
import { errorTargets } from './selected-rows.js';
import type { SelectedRows } from './selected-rows.js';

export interface FitOptions extends RidgeOptions {
  /** `auto`: float64 up to a width of 512, float32 products above. */
  readonly engine: 'auto' | 'float64' | 'float32';
}

/** The linear part of an SAE's error: (e, ‖e‖²) ≈ z W + b, z = (x − shift) * gain. */
export interface LinearError {
  readonly sae: string;
  readonly map: LinearMap;
  /** Mean over dimensions of R² of the error vector on the rows it was fitted to. */
  readonly trainR2: number;
}

export interface ErrorFit {
  readonly rows: number;
  readonly engine: ProductEngine;
  readonly errors: readonly LinearError[];
  /** [rows, width] inputs as the fit sees them */
  condition(x: Float32Array): Float32Array | Float64Array;
}

export interface ErrorFitter {
  add(rows: SelectedRows): void;
  fit(): ErrorFit;
}

/** Accumulates the normal equations of e and ‖e‖² on x for every SAE; x's own products are shared. */
export function errorFitter(saes: readonly NamedSae[], width: number, options: FitOptions): ErrorFitter {
  const fast = options.engine === 'float32' || (options.engine === 'auto' && width > 512);
  const engine = fast ? float32Engine : float64Engine;
  const shift = new Float64Array(width);
  const gain = new Float64Array(width).fill(1);
  let rows = 0;
  const inputSums = new Float64Array(width);
  const gram = new Float64Array(width * width);
  const targets = saes.map(({ sae }) => ({
    sums: new Float64Array(sae.outWidth + 1),
    squares: new Float64Array(sae.outWidth + 1),
    cross: new Float64Array(width * (sae.outWidth + 1)),
  }));
  const condition = (x: Float32Array): Float32Array | Float64Array => {
    if (!fast) return x;
    return x.map((v, i) => (v - (shift[i % width] as number)) * (gain[i % width] as number));
  };

  return {
    add: (selected) => {
      if (selected.rows === 0) return;
      // Float32 products want inputs near zero and of size one; the exact centring happens when the equations are solved.
      if (fast && rows === 0) conditioning(selected.x, { shift, gain, centre: options.intercept });
      const z = { data: condition(selected.x), columns: width };
      rows += selected.rows;
      addInto(inputSums, z.data);
      engine.addCrossProducts(gram, z, z);
      saes.forEach(({ sae }, s) => {
        const target = targets[s] as (typeof targets)[number];
        const y = errorTargets(sae, selected);
        addInto(target.sums, y);
        addInto(target.squares, y.map((v) => v * v));
        engine.addCrossProducts(target.cross, z, { data: y, columns: sae.outWidth + 1 });
      });
    },
    fit: () => {
      if (rows <= width) {
        throw new SalmonError('no-data', {
          what: 'Too few tokens to regress the SAE error on the activation',
          expected: `well over ${width} training rows (10 times the width is a sensible least)`,
          got: `${rows}`,
          todo: 'Give more text',
        });
      }
      const solve = ridgeSolver({ inputs: width, rows, inputSums, gram }, options);
      return {
        rows,
        engine,
        condition,
        errors: saes.map(({ name }, s) => {
          const { sums, squares, cross } = targets[s] as (typeof targets)[number];
          const map = solve({ targets: sums.length, targetSums: sums, cross });
          return { sae: name, map, trainR2: trainR2(map, { sums, squares, cross, gram, inputSums, rows }, options) };
        }),
      };
    },
  };
}

function conditioning(x: Float32Array, into: { shift: Float64Array; gain: Float64Array; centre: boolean }): void {
  const width = into.shift.length;
  const n = x.length / width;
  const squares = new Float64Array(width);
  addInto(into.shift, x);
  addInto(squares, Float64Array.from(x, (v) => v * v));
  for (let d = 0; d < width; d++) {
    const mean = (into.shift[d] as number) / n;
    const spread = (squares[d] as number) / n - (into.centre ? mean * mean : 0);
    into.shift[d] = into.centre ? mean : 0;
    into.gain[d] = spread > 0 ? 1 / Math.sqrt(spread) : 1;
  }
}

interface TrainSums {
  readonly sums: Float64Array;
  readonly squares: Float64Array;
  readonly cross: Float64Array;
  readonly gram: Float64Array;
  readonly inputSums: Float64Array;
  readonly rows: number;
}

/**
 * mean_d(1 − Σ(e − ê)² / Σ(e − ē)²) from the sums alone. With (G + λD) w = h, D = diag G: Σ(e − ê)² = Σe² − w·h − λ w·Dw, all
 * centred when there is an intercept. The last target is ‖e‖² and is left out.
 */
function trainR2(map: LinearMap, t: TrainSums, { ridge, intercept }: RidgeOptions): number {
  const { inputs: d, targets: q, weights } = map;
  const residual = new Float64Array(q);
  for (let i = 0; i < d; i++) {
    const mean = intercept ? (t.inputSums[i] as number) / t.rows : 0;
    const penalty = ridge * ((t.gram[i * d + i] as number) - t.rows * mean * mean);
    for (let j = 0; j < q - 1; j++) {
      const w = weights[i * q + j] as number;
      const h = (t.cross[i * q + j] as number) - mean * (t.sums[j] as number);
      residual[j] = (residual[j] as number) - w * h - penalty * w * w;
    }
  }
  let r2 = 0;
  let counted = 0;
  for (let j = 0; j < q - 1; j++) {
    const centre = (t.sums[j] as number) ** 2 / t.rows;
    const total = (t.squares[j] as number) - centre;
    if (total <= 0) continue;
    r2 += 1 - ((residual[j] as number) + (t.squares[j] as number) - (intercept ? centre : 0)) / total;
    counted++;
  }
  return r2 / counted;
}

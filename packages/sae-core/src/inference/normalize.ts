import type { ResolvedConfig } from './config.js';

/** What run-time normalisation did to each row: x_normalised = (x - shift) / divisor, undone by * factor + shift. */
export interface Normalized {
  /** [rows, d_in], normalised, b_dec taken off. */
  readonly values: Float32Array;
  /** Turns reconstructions [rows, d_out] of normalised rows back into the input's units, in place. */
  undo(recon: Float32Array): void;
}

/** Whether decoding needs facts about the rows that were encoded. */
export function isRowNormalized(config: ResolvedConfig): boolean {
  return config.normalize_activations === 'layer_norm' || config.normalize_activations === 'constant_norm_rescale';
}

/** Layer-norm epsilon of SAELens; it is in the division but not in the undoing. */
const EPS = 1e-5;

/**
 * Run-time normalisation, then the decoder bias: in this order, as SAELens 6 does. Sums in float64.
 * layer_norm: (x - mean) / (std + 1e-5) with the unbiased std. constant_norm_rescale: x * sqrt(d) / ||x||.
 * expected_average_only_in has no run-time effect (it is folded into the weights, or the caller scales).
 */
export function normalizeRows(x: Float32Array, rows: number, config: ResolvedConfig, bias: Float32Array | undefined): Normalized {
  const width = config.d_in;
  const offset = config.apply_b_dec_to_input ? bias : undefined;
  const scalar = config.normalize_activations === 'constant_scalar_rescale' ? config.activation_normalization_factor : 1;
  if (!isRowNormalized(config)) {
    const undo = (recon: Float32Array): void => {
      if (scalar !== 1) for (let i = 0; i < recon.length; i++) recon[i] = (recon[i] as number) / scalar;
    };
    if (offset === undefined && scalar === 1) return { values: x, undo };
    const values = new Float32Array(rows * width);
    for (let start = 0; start < values.length; start += width) {
      for (let i = 0; i < width; i++) values[start + i] = Math.fround((x[start + i] as number) * scalar) - (offset?.[i] ?? 0);
    }
    return { values, undo };
  }
  const values = new Float32Array(rows * width);
  const shift = new Float64Array(rows);
  const factor = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * width;
    let sum = 0;
    let squares = 0;
    for (let i = start; i < start + width; i++) sum += x[i] as number;
    const mean = config.normalize_activations === 'layer_norm' ? sum / width : 0;
    for (let i = start; i < start + width; i++) squares += ((x[i] as number) - mean) ** 2;
    const spread = config.normalize_activations === 'layer_norm' ? Math.sqrt(squares / (width - 1)) : Math.sqrt(squares / width);
    const divisor = config.normalize_activations === 'layer_norm' ? spread + EPS : spread;
    shift[row] = mean;
    factor[row] = spread;
    for (let i = 0; i < width; i++) {
      const normalized = divisor === 0 ? 0 : ((x[start + i] as number) - mean) / divisor;
      values[start + i] = Math.fround(normalized) - (offset?.[i] ?? 0);
    }
  }
  const undo = (recon: Float32Array): void => {
    const out = recon.length / rows;
    for (let row = 0; row < rows; row++) {
      const [scale, add] = [factor[row] as number, shift[row] as number];
      for (let i = row * out; i < (row + 1) * out; i++) recon[i] = (recon[i] as number) * scale + add;
    }
  };
  return { values, undo };
}

import type { Operand } from '../linear/cross-products.js';

/** Examples for a linear head: features (chosen latents, or activations), classes and domains. */
export interface DomainRows {
  readonly rows: number;
  readonly width: number;
  /** [rows * width] */
  readonly x: Float32Array | Float64Array;
  /** [rows] class index */
  readonly label: ArrayLike<number>;
  readonly classes: number;
  /** [rows] domain name */
  readonly domain: readonly string[];
  /** [rows] document, for intervals (default: every row its own). */
  readonly document?: readonly string[];
}

/** Only the rows that `wanted` names. */
export function pickRows(data: DomainRows, wanted: (row: number) => boolean): DomainRows {
  const chosen = data.domain.map((_, i) => i).filter(wanted);
  const x = new Float64Array(chosen.length * data.width);
  chosen.forEach((from, to) => x.set(data.x.subarray(from * data.width, (from + 1) * data.width), to * data.width));
  return { ...data, rows: chosen.length, x, label: chosen.map((i) => data.label[i] as number), domain: chosen.map((i) => data.domain[i] as string), document: chosen.map((i) => data.document?.[i] ?? `row-${i}`) };
}

/** Mean loss and gradient of softmax regression ℓ = W z + b; adds to `gradient` ([classes * width] weights, then [classes] biases). */
export function softmaxLoss(w: Float64Array, gradient: Float64Array, data: { readonly z: Operand; readonly label: ArrayLike<number>; readonly classes: number }): number {
  const { z, label, classes } = data;
  const width = z.columns;
  const rows = z.data.length / width;
  const logits = new Float64Array(classes);
  let loss = 0;
  for (let t = 0; t < rows; t++) {
    logitsOf(logits, w, z, t);
    const norm = logSumExp(logits);
    loss += (norm - (logits[label[t] as number] as number)) / rows;
    for (let c = 0; c < classes; c++) {
      const slope = (Math.exp((logits[c] as number) - norm) - (label[t] === c ? 1 : 0)) / rows;
      for (let d = 0; d < width; d++) gradient[c * width + d] = (gradient[c * width + d] as number) + slope * (z.data[t * width + d] as number);
      gradient[classes * width + c] = (gradient[classes * width + c] as number) + slope;
    }
  }
  return loss;
}

/** [rows] 1 where the largest logit is the right class. */
export function headCorrect(w: Float64Array, z: Operand, label: ArrayLike<number>, classes: number): Uint8Array {
  const logits = new Float64Array(classes);
  return Uint8Array.from({ length: z.data.length / z.columns }, (_, t) => {
    logitsOf(logits, w, z, t);
    return logits.indexOf(Math.max(...logits)) === label[t] ? 1 : 0;
  });
}

export function logitsOf(into: Float64Array, w: Float64Array, z: Operand, row: number): void {
  const width = z.columns;
  for (let c = 0; c < into.length; c++) {
    let s = w[into.length * width + c] as number;
    for (let d = 0; d < width; d++) s += (w[c * width + d] as number) * (z.data[row * width + d] as number);
    into[c] = s;
  }
}

export function logSumExp(values: Float64Array): number {
  const top = Math.max(...values);
  return top + Math.log(values.reduce((s, v) => s + Math.exp(v - top), 0));
}

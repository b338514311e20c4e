import { addCrossProducts } from '../linear/cross-products.js';
import { addInto } from '../linear/add-into.js';

/** `dense_pca@1`: |cos(decoder row, first principal component of the activations)| above 0.75 (arXiv 2506.15679). */
export const PCA_COSINE = 0.75;

/** Unit first principal component of rows [n, width], by power iteration on their float64 covariance. */
export function firstComponent(x: Float32Array, width: number): Float64Array {
  const rows = x.length / width;
  const mean = new Float64Array(width);
  addInto(mean, x);
  const gram = new Float64Array(width * width);
  addCrossProducts(gram, { data: x, columns: width }, { data: x, columns: width });
  let v = Float64Array.from({ length: width }, (_, d) => Math.sqrt(gram[d * width + d] as number) + 1e-9);
  for (let iteration = 0; iteration < 300; iteration++) {
    const along = v.reduce((s, w, d) => s + (w * (mean[d] as number)) / rows, 0);
    const next = new Float64Array(width);
    for (let i = 0; i < width; i++) {
      let s = -along * (mean[i] as number);
      for (let j = 0; j < width; j++) s += (gram[i * width + j] as number) * (v[j] as number);
      next[i] = s;
    }
    const norm = Math.sqrt(next.reduce((s, w) => s + w * w, 0));
    if (norm === 0) return v.map(() => 0);
    const scaled = next.map((w) => w / norm);
    const moved = scaled.reduce((s, w, d) => s + Math.abs(w - (v[d] as number)), 0);
    v = scaled;
    if (moved < 1e-12 * width) break;
  }
  return v;
}

export function absoluteCosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let d = 0; d < a.length; d++) {
    ab += (a[d] as number) * (b[d] as number);
    aa += (a[d] as number) ** 2;
    bb += (b[d] as number) ** 2;
  }
  return aa === 0 || bb === 0 ? 0 : Math.abs(ab) / Math.sqrt(aa * bb);
}

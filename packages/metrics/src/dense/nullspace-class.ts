import { EVD, Matrix } from 'ml-matrix';
import { addCrossProducts } from '../linear/cross-products.js';

/** `dense_nullspace@1`: share of the decoder row's norm in the last k = 10 left singular vectors of W_U above 0.2 (arXiv 2506.15679). */
export const NULLSPACE_SHARE = 0.2;

/** The unembedding, one row per token: [vocabulary, width]. */
export interface Unembedding {
  readonly width: number;
  readonly data: Float32Array;
}

/**
 * An orthonormal basis, [k, width], of the directions that the unembedding reads least: eigenvectors of W_U W_Uᵀ with the smallest
 * eigenvalues. The eigendecomposition is cubic in the width (seconds at 500, minutes at 2304).
 */
export function nullspaceBasis({ width, data }: Unembedding, k = 10): Float64Array {
  const gram = new Float64Array(width * width);
  addCrossProducts(gram, { data, columns: width }, { data, columns: width });
  const { realEigenvalues, eigenvectorMatrix } = new EVD(Matrix.from1DArray(width, width, Array.from(gram)), { assumeSymmetric: true });
  const order = realEigenvalues.map((_, i) => i).sort((a, b) => (realEigenvalues[a] as number) - (realEigenvalues[b] as number));
  const basis = new Float64Array(Math.min(k, width) * width);
  order.slice(0, k).forEach((column, r) => basis.set(eigenvectorMatrix.getColumn(column), r * width));
  return basis;
}

/** ‖projection of a direction on the basis‖ / ‖direction‖. */
export function nullspaceShare(direction: ArrayLike<number>, basis: Float64Array): number {
  const width = direction.length;
  let inside = 0;
  for (let at = 0; at < basis.length; at += width) {
    let dot = 0;
    for (let d = 0; d < width; d++) dot += (basis[at + d] as number) * (direction[d] as number);
    inside += dot * dot;
  }
  let square = 0;
  for (let d = 0; d < width; d++) square += (direction[d] as number) ** 2;
  return square === 0 ? 0 : Math.sqrt(inside / square);
}

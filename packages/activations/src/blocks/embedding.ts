import { packBf16, packBf16Words, tf } from '@salmon-sae/compute';
import type { Matrix } from './pass.js';

/** A [rows, width] table that may be too large for one transfer, held as consecutive pieces. */
export interface EmbeddingTable {
  readonly rows: number;
  readonly width: number;
  /** Rows by id -> [ids.length, width]. Ids must be in range. */
  lookup(ids: Int32Array): Matrix;
  /** x [n, width] -> x W^T [n, rows]. */
  project(x: Matrix): Matrix;
  dispose(): void;
}

export interface TableOptions {
  readonly rows: number;
  readonly width: number;
  readonly precision: 'f32' | 'bf16';
  /** Bytes of float32 moved at a time; default 256 MB. */
  readonly pieceBytes?: number;
}

/** Rows as float32, or as the words of bfloat16 pairs, which only a bfloat16 table takes. */
export type TableRows = Float32Array | Int32Array;

interface Piece {
  readonly from: number;
  readonly to: number;
  lookup(ids: tf.Tensor1D): Matrix;
  project(x: Matrix): Matrix;
  dispose(): void;
}

/** Reads the table piece by piece through `read(from, to)`. */
export async function embeddingTable(
  options: TableOptions,
  read: (from: number, to: number) => Promise<TableRows>,
): Promise<EmbeddingTable> {
  const { rows, width } = options;
  const step = Math.max(1, Math.floor((options.pieceBytes ?? 256 * 2 ** 20) / (4 * width)));
  const pieces: Piece[] = [];
  for (let from = 0; from < rows; from += step) {
    const to = Math.min(rows, from + step);
    pieces.push(piece(await read(from, to), { from, to, width, precision: options.precision }));
  }
  return {
    rows,
    width,
    lookup: (ids) => (pieces.length === 1 ? tf.tidy(() => (pieces[0] as Piece).lookup(tf.tensor1d(ids, 'int32'))) : gather(pieces, ids)),
    project: (x) => (pieces.length === 1 ? (pieces[0] as Piece).project(x) : tf.concat(pieces.map((p) => p.project(x)), 1)),
    dispose: () => {
      for (const p of pieces) p.dispose();
    },
  };
}

function piece(data: TableRows, at: { from: number; to: number; width: number; precision: 'f32' | 'bf16' }): Piece {
  const { from, to, width } = at;
  if (at.precision === 'bf16') {
    const words = data instanceof Int32Array;
    const given = tf.tensor2d(data, [to - from, words ? width / 2 : width], words ? 'int32' : 'float32');
    const packed = words ? packBf16Words(given) : packBf16(given);
    given.dispose();
    return { from, to, lookup: (ids) => packed.rows(ids), project: (x) => packed.matMul(x), dispose: () => packed.dispose() };
  }
  const matrix = tf.keep(tf.tensor2d(data, [to - from, width]));
  tf.tidy(() => void tf.slice(matrix, [0, 0], [1, 1]));
  return {
    from,
    to,
    lookup: (ids) => tf.gather(matrix, ids),
    project: (x) => tf.matMul(x, matrix, false, true),
    dispose: () => matrix.dispose(),
  };
}

/** Gathers from each piece what it holds, then puts the rows back in the order asked for. */
function gather(pieces: readonly Piece[], ids: Int32Array): Matrix {
  return tf.tidy(() => {
    const order = new Int32Array(ids.length);
    const found: Matrix[] = [];
    let placed = 0;
    for (const p of pieces) {
      const local: number[] = [];
      ids.forEach((id, i) => {
        if (id < p.from || id >= p.to) return;
        order[i] = placed++;
        local.push(id - p.from);
      });
      if (local.length > 0) found.push(p.lookup(tf.tensor1d(local, 'int32')));
    }
    return tf.gather(found.length === 1 ? (found[0] as Matrix) : tf.concat(found, 0), tf.tensor1d(order, 'int32'));
  });
}

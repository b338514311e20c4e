import { tf } from '@salmon-sae/compute';
import { random, SalmonError } from '@salmon-sae/dataflow';
import type { Edit, TokenRows } from '@salmon-sae/dataflow';
import type { Matrix } from '../blocks/pass.js';

/**
 * The value at a hook after one edit, as a new tensor; `x` [rows * context, width] stays.
 * Runs in no tf scope of its own while a `map` function runs: what that function keeps, it keeps.
 */
export function applyEdit(x: Matrix, edit: Edit, rows: TokenRows): Matrix {
  const [n, width] = x.shape;
  const { where } = edit;
  if (where !== undefined) checkLength(edit, 'where', where.length, n);
  const edited = editedValue(x, edit, rows);
  if (where === undefined) return edited;
  const mixed = tf.tidy(() => tf.where(tf.tensor2d(where, [n, 1], 'bool').tile([1, width]), edited, x));
  edited.dispose();
  return mixed;
}

function editedValue(x: Matrix, edit: Edit, rows: TokenRows): Matrix {
  const [n, width] = x.shape;
  switch (edit.kind) {
    case 'replace':
      checkLength(edit, 'values', edit.values.length, n * width);
      return tf.tensor2d(edit.values, [n, width]);
    case 'map': {
      const values = edit.fn(x.dataSync<'float32'>(), width);
      checkLength(edit, 'the values returned', values.length, n * width);
      return tf.tensor2d(values, [n, width]);
    }
    case 'add':
      checkLength(edit, 'vector', edit.vector.length, width);
      return tf.tidy(() => tf.add(x, tf.mul(tf.tensor1d(edit.vector), edit.strength ?? 1)));
    case 'scale':
      return tf.mul(x, edit.factor);
    case 'zero':
      return tf.zeros([n, width]);
    case 'mean': {
      const { vector } = edit;
      if (vector !== undefined) {
        checkLength(edit, 'vector', vector.length, width);
        return tf.tidy(() => tf.tile(tf.tensor2d(vector, [1, width]), [n, 1]));
      }
      const positions = realPositions(edit, rows);
      return tf.tidy(() => tf.tile(tf.mean(tf.gather(x, tf.tensor1d(positions, 'int32')), 0, true) as Matrix, [n, 1]));
    }
    case 'resample': {
      const positions = realPositions(edit, rows);
      const draw = random(edit.seed, 'resample', edit.hook);
      const from = new Int32Array(n);
      const place = new Map<number, number>();
      positions.forEach((position, i) => place.set(position, i));
      for (let i = 0; i < n; i++) from[i] = otherPosition(i, positions, place, draw.below);
      return tf.tidy(() => tf.gather(x, tf.tensor1d(from, 'int32')));
    }
  }
}

/** Positions that the edit touches and that hold a token. */
function realPositions(edit: Edit, rows: TokenRows): Int32Array {
  const { where } = edit;
  const positions: number[] = [];
  for (let i = 0; i < rows.mask.length; i++) if (rows.mask[i] === 1 && (where === undefined || where[i] === 1)) positions.push(i);
  if (positions.length === 0) {
    throw new SalmonError('bad-shape', {
      what: `A ${edit.kind} edit has no positions to draw from`,
      where: edit.hook,
      expected: 'at least one real token among the edited positions',
      got: 'none',
    });
  }
  return Int32Array.from(positions);
}

/** Uniform over the other positions; a position that is not among them may get any. */
function otherPosition(self: number, positions: Int32Array, place: ReadonlyMap<number, number>, below: (n: number) => number): number {
  const own = place.get(self);
  if (own === undefined) return positions[below(positions.length)] as number;
  if (positions.length === 1) return self;
  const drawn = below(positions.length - 1);
  return positions[drawn < own ? drawn : drawn + 1] as number;
}

function checkLength(edit: Edit, what: string, got: number, expected: number): void {
  if (got === expected) return;
  throw new SalmonError('bad-shape', {
    what: `Edit "${edit.kind}": ${what} has a wrong length`,
    where: edit.hook,
    expected: `${expected}`,
    got: `${got}`,
  });
}

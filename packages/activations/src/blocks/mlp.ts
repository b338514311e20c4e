import { tf } from '@salmon-sae/compute';
import type { Activation } from './activation.js';
import type { Linear } from './linear.js';
import type { Matrix } from './pass.js';

/** The feed-forward half of a block: [n, width] -> [n, width]. */
export interface Mlp {
  apply(x: Matrix): Matrix;
}

/** Hidden values of one chunk of rows stay below this many floats. A product lays out its weights anew each time: with some 500 rows that costs a sixth, with 1000 little. */
const HIDDEN_FLOATS = 10 * 2 ** 20;

export interface GatedInput {
  readonly gate: Linear;
  readonly up: Linear;
}

/** Gated linear unit (arXiv 2002.05202 eq. 6): W_down (act(W_gate x) * W_up x). */
export function gatedMlp(into: GatedInput, down: Linear, activation: Activation): Mlp {
  const { gate, up } = into;
  return mlp((x) => down.apply(activation(gate.apply(x), up.apply(x))), gate.outputs);
}

/** W_out act(W_in x). */
export function plainMlp(into: Linear, out: Linear, activation: Activation): Mlp {
  return mlp((x) => out.apply(activation(into.apply(x))), into.outputs);
}

function mlp(apply: (x: Matrix) => Matrix, hidden: number): Mlp {
  return {
    apply: (x) => {
      const [rows, width] = x.shape;
      const most = Math.max(1, Math.floor(HIDDEN_FLOATS / hidden));
      if (rows <= most) return apply(x);
      const size = Math.ceil(rows / Math.ceil(rows / most));
      const chunks: Matrix[] = [];
      for (let from = 0; from < rows; from += size) {
        chunks.push(tf.tidy(() => apply(tf.slice(x, [from, 0], [Math.min(size, rows - from), width]))));
      }
      return tf.concat(chunks, 0);
    },
  };
}

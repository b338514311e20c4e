import { tf } from '@salmon-sae/compute';
import { SalmonError } from '@salmon-sae/dataflow';
import type { TokenEffects } from '@salmon-sae/dataflow';
import type { Head } from '../blocks/head.js';
import { logitChunks } from './token-loss.js';

/** The k tokens that each direction [n, width] raises and lowers most, through the final gain and the unembedding. */
export function logitEffects(head: Head, directions: Float32Array, sizes: EffectSizes): readonly TokenEffects[] {
  const { n, k, width } = sizes;
  if (directions.length !== n * width) {
    throw new SalmonError('bad-shape', {
      what: 'Directions do not have the width of the residual stream',
      expected: `${n} x ${width} values`,
      got: `${directions.length}`,
    });
  }
  const most = Math.min(k, head.vocabulary);
  const effects: TokenEffects[] = [];
  for (const { from, to } of logitChunks(n, head.vocabulary)) {
    const lists: Ranked[] = [];
    tf.tidy(() => {
      const logits = head.directEffect(tf.tensor2d(directions.subarray(from * width, to * width), [to - from, width]));
      lists.push(ranked(logits, most), ranked(tf.neg(logits), most));
    });
    const [promoted, suppressed] = lists as [Ranked, Ranked];
    for (let i = 0; i < to - from; i++) {
      const list = (top: Ranked, sign: number) =>
        Array.from({ length: most }, (_, j) => ({
          id: top.ids[i * most + j] as number,
          value: sign * (top.values[i * most + j] as number),
        }));
      effects.push({ promoted: list(promoted, 1), suppressed: list(suppressed, -1) });
    }
  }
  return effects;
}

export interface EffectSizes {
  readonly n: number;
  readonly k: number;
  readonly width: number;
}

interface Ranked {
  readonly ids: Int32Array;
  readonly values: Float32Array;
}

function ranked(logits: tf.Tensor2D, k: number): Ranked {
  const { values, indices } = tf.topk(logits, k, true);
  return { ids: indices.dataSync<'int32'>(), values: values.dataSync<'float32'>() };
}

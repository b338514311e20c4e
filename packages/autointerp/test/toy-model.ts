import type { Edit, ForwardRequest, ForwardResult, LanguageModel, TokenRows } from '@salmon-sae/dataflow';
import { tokenizer, WORDS } from './planted-corpus.js';

/**
 * A language model small enough to know by heart: width = vocabulary, the residual stream is the one-hot of the token plus
 * 0.5 for every earlier token of its row, and the logits are 4 times the residual. So a word said before is likelier later.
 */
export function toyModel(context = 128): LanguageModel {
  const width = WORDS.length;
  const hook = 'resid_post.0';
  const residual = (rows: TokenRows, edits: readonly Edit[] = []): Float32Array => {
    const x = new Float32Array(rows.rows * rows.context * width);
    for (let r = 0; r < rows.rows; r++) {
      for (let t = 0; t < rows.context; t++) {
        const at = (r * rows.context + t) * width;
        for (let s = 0; s <= t; s++) {
          const id = rows.ids[r * rows.context + s] as number;
          x[at + id] = Math.max(x[at + id] as number, s === t ? 1 : 0.5);
        }
      }
    }
    for (const edit of edits) {
      if (edit.kind !== 'add') throw new Error(`toy model cannot ${edit.kind}`);
      for (let i = 0; i < rows.rows * rows.context; i++) {
        if (edit.where !== undefined && edit.where[i] === 0) continue;
        for (let d = 0; d < width; d++) x[i * width + d] = (x[i * width + d] as number) + (edit.strength ?? 1) * (edit.vector[d] as number);
      }
    }
    return x;
  };
  const logProbs = (x: Float32Array): Float64Array => {
    const out = new Float64Array(x.length);
    for (let at = 0; at < x.length; at += width) {
      let total = 0;
      for (let d = 0; d < width; d++) total += Math.exp(4 * (x[at + d] as number));
      for (let d = 0; d < width; d++) out[at + d] = 4 * (x[at + d] as number) - Math.log(total);
    }
    return out;
  };
  const losses = (rows: TokenRows, lp: Float64Array): Float32Array => {
    const out = new Float32Array(rows.rows * (rows.context - 1));
    for (let r = 0; r < rows.rows; r++) {
      for (let t = 0; t + 1 < rows.context; t++) {
        const at = r * rows.context + t;
        if (rows.mask[at + 1] === 1) out[r * (rows.context - 1) + t] = -(lp[at * width + (rows.ids[at + 1] as number)] as number);
      }
    }
    return out;
  };
  const effects = (directions: Float32Array, n: number, k: number): ReturnType<LanguageModel['logitEffects']> =>
    Array.from({ length: n }, (_, i) => {
      const sorted = [...directions.subarray(i * width, (i + 1) * width)].map((value, id) => ({ id, value: 4 * value })).sort((a, b) => b.value - a.value);
      return { promoted: sorted.slice(0, k), suppressed: sorted.slice(-k).reverse() };
    });
  return {
    info: { id: 'toy', family: 'toy', hash: 'toy', layers: 1, width, vocabulary: width, context, parameters: 0 },
    tokenizer,
    hookWidth: () => width,
    forward: (rows: TokenRows, request: ForwardRequest): ForwardResult => {
      const x = residual(rows, request.edits);
      return {
        activations: request.hooks === undefined ? {} : { [hook]: x },
        ...(request.logits === true ? { logits: x.map((v) => 4 * v) } : {}),
        ...(request.crossEntropy === true ? { crossEntropy: losses(rows, logProbs(x)) } : {}),
      };
    },
    scoreEdits: (rows, variants) => {
      const clean = logProbs(residual(rows));
      const counted = new Uint8Array(rows.rows * (rows.context - 1));
      for (let i = 0; i < counted.length; i++) {
        const at = Math.floor(i / (rows.context - 1)) * rows.context + (i % (rows.context - 1));
        counted[i] = rows.mask[at] === 1 && rows.mask[at + 1] === 1 ? 1 : 0;
      }
      return {
        clean: losses(rows, clean),
        counted,
        variants: variants.map((edits) => {
          const lp = logProbs(residual(rows, edits));
          const kl = Float32Array.from(counted, (_, i) => {
            const at = (Math.floor(i / (rows.context - 1)) * rows.context + (i % (rows.context - 1))) * width;
            let sum = 0;
            for (let d = 0; d < width; d++) sum += Math.exp(clean[at + d] as number) * ((clean[at + d] as number) - (lp[at + d] as number));
            return sum;
          });
          return { crossEntropy: losses(rows, lp), kl };
        }),
      };
    },
    logitEffects: effects,
    dispose: () => undefined,
  };
}

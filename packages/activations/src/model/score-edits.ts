import { tf } from '@salmon-sae/compute';
import type { Edit, LossScores, TokenRows } from '@salmon-sae/dataflow';
import type { Decoder } from '../blocks/decoder.js';
import type { Head } from '../blocks/head.js';
import type { Matrix, Pass } from '../blocks/pass.js';
import { parseHook, stageOf } from './hook.js';
import { distributionAt, logitChunks, negativeLog, predictions } from './token-loss.js';
import { walk } from './walk.js';

/** Clean loss, and loss and KL of each variant; every variant starts from the clean value before its earliest edit. */
export function scoreEdits(
  model: { readonly decoder: Decoder; readonly head: Head },
  batch: { readonly rows: TokenRows; readonly pass: Pass },
  variants: readonly (readonly Edit[])[],
): LossScores {
  const { decoder, head } = model;
  const { rows, pass } = batch;
  const starts = variants.map((edits) => startStage(edits, decoder.layers));
  const kept = new Map<number, Matrix>();
  const ends: Matrix[] = [];
  try {
    const clean = walk(decoder, {
      rows,
      pass,
      edits: [],
      until: Infinity,
      onStage: (stage, { after }) => {
        if (starts.includes(stage)) kept.set(stage, tf.keep(tf.clone(after)));
      },
    });
    ends.push(clean);
    variants.forEach((edits, i) => {
      const stage = starts[i];
      const x = stage === undefined ? undefined : kept.get(stage);
      ends.push(
        x === undefined || stage === undefined
          ? tf.clone(clean)
          : walk(decoder, { rows, pass, edits, until: Infinity, from: { stage, x } }),
      );
    });
    return scores(head, ends, rows);
  } finally {
    tf.dispose([...kept.values(), ...ends]);
  }
}

/** The hook whose clean value a variant can start from; undefined without edits. */
function startStage(edits: readonly Edit[], layers: number): number | undefined {
  if (edits.length === 0) return undefined;
  const hooks = edits.map((edit) => parseHook(edit.hook, layers));
  const first = hooks.reduce((a, b) => (b.stage < a.stage ? b : a));
  // Module outputs lie inside a block: start at the block's input.
  return first.kind === 'attn_out' || first.kind === 'mlp_out' ? stageOf('resid_pre', first.layer) : first.stage;
}

/** `ends`: the clean end of the residual stream, then one per variant. */
function scores(head: Head, ends: readonly Matrix[], rows: TokenRows): LossScores {
  const { at, to, targets, counted } = predictions(rows);
  const [cleanEnd, ...variantEnds] = ends as [Matrix, ...Matrix[]];
  const clean = new Float32Array(counted.length);
  const variants = variantEnds.map(() => ({
    crossEntropy: new Float32Array(counted.length),
    kl: new Float32Array(counted.length),
  }));
  for (const { from, to: end } of logitChunks(at.length, head.vocabulary)) {
    const positions = at.subarray(from, end);
    const wanted = targets.subarray(from, end);
    const put = (into: Float32Array, values: tf.Tensor): void =>
      values.dataSync<'float32'>().forEach((value, i) => (into[to[from + i] as number] = value));
    tf.tidy(() => {
      const base = distributionAt(head, cleanEnd, positions);
      const probabilities = tf.exp(tf.sub(base.logits, base.logSum));
      put(clean, negativeLog(base, wanted));
      variants.forEach((variant, i) =>
        tf.tidy(() => {
          const edited = distributionAt(head, variantEnds[i] as Matrix, positions);
          put(variant.crossEntropy, negativeLog(edited, wanted));
          // KL(P || Q) = sum_v p_v (l_v - l'_v) + log Z' - log Z; rounding can leave a few -1e-7.
          const gap = tf.sum(tf.mul(probabilities, tf.sub(base.logits, edited.logits)), -1, true);
          put(variant.kl, tf.relu(tf.add(gap, tf.sub(edited.logSum, base.logSum))));
        }),
      );
    });
  }
  return { clean, variants, counted };
}

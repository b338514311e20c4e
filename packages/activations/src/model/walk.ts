import { tf } from '@salmon-sae/compute';
import type { Edit, TokenRows } from '@salmon-sae/dataflow';
import type { Decoder } from '../blocks/decoder.js';
import type { Matrix, Pass } from '../blocks/pass.js';
import { applyEdit } from './edit.js';
import { EMBED_STAGE, stageOf } from './hook.js';
import type { HookKind } from './hook.js';

/** A value of the residual stream at a hook where a pass can start: `embed`, resid_pre.i or resid_post.i. */
export interface StartPoint {
  readonly stage: number;
  /** Before any edit at that hook; borrowed. */
  readonly x: Matrix;
}

export interface WalkOptions {
  readonly rows: TokenRows;
  readonly pass: Pass;
  readonly edits: readonly Edit[];
  /** The last stage to compute; Infinity for the end of the residual stream. */
  readonly until: number;
  readonly from?: StartPoint | undefined;
  /** Called at every stage with the value before (`clean`) and after the edits there; both are borrowed. */
  readonly onStage?: (stage: number, value: { readonly before: Matrix; readonly after: Matrix }) => void;
}

/** Runs a decoder's blocks from hook to hook; returns the last residual stream reached (owned by the caller). */
export function walk(decoder: Decoder, options: WalkOptions): Matrix {
  const { rows, pass, until, from } = options;
  const byStage = new Map<string, Edit[]>();
  for (const edit of options.edits) byStage.set(edit.hook, [...(byStage.get(edit.hook) ?? []), edit]);

  /** Applies the edits of a hook to a value that is owned here. */
  const visit = (kind: HookKind, layer: number, before: Matrix): Matrix => {
    let after = before;
    for (const edit of byStage.get(kind === 'embed' ? kind : `${kind}.${layer}`) ?? []) {
      const next = applyEdit(after, edit, rows);
      if (after !== before) after.dispose();
      after = next;
    }
    options.onStage?.(stageOf(kind, layer), { before, after });
    if (after !== before) before.dispose();
    return after;
  };

  const start = from?.stage ?? EMBED_STAGE;
  let x: Matrix;
  let layer: number;
  if (start === EMBED_STAGE) {
    const embedded = visit('embed', -1, from === undefined ? tf.tidy(() => decoder.embed(rows.ids)) : tf.clone((from as StartPoint).x));
    if (until <= EMBED_STAGE) return embedded;
    x = replaced(embedded, () => decoder.position(embedded, pass));
    layer = 0;
  } else {
    x = tf.clone((from as StartPoint).x);
    layer = Math.floor(start / 4);
    if (start === stageOf('resid_post', layer)) {
      x = visit('resid_post', layer, x);
      layer++;
    }
  }
  for (; layer < decoder.blocks.length && stageOf('resid_pre', layer) <= until; layer++) {
    const block = decoder.blocks[layer];
    if (block === undefined) break;
    x = visit('resid_pre', layer, x);
    const input = x;
    if (until < stageOf('attn_out', layer)) break;
    const attention = visit('attn_out', layer, tf.tidy(() => block.attention(input, pass)));
    if (until < stageOf('mlp_out', layer)) {
      attention.dispose();
      break;
    }
    const middle = tf.tidy(() => tf.clone(block.middle(input, attention)));
    const mlp = visit('mlp_out', layer, tf.tidy(() => block.mlp(middle)));
    const parts = { x: input, attention, middle, mlp };
    if (until < stageOf('resid_post', layer)) {
      tf.dispose([attention, middle, mlp]);
      break;
    }
    const joined = tf.tidy(() => block.join(parts));
    tf.dispose([input, attention, middle, mlp]);
    x = visit('resid_post', layer, joined);
  }
  return x;
}

function replaced(x: Matrix, make: () => Matrix): Matrix {
  const made = tf.tidy(make);
  x.dispose();
  return made;
}

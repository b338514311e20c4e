import { tf } from '@salmon-sae/compute';
import type { AttentionMasks, QueryBlock } from './pass.js';

/** Finite, so that a query with nothing to look at (padding only) gives no NaN. */
const HIDDEN = -1e30;

/** Query blocks shorten the keys that a block must look at (causality from above, the window from below). */
export function queryBlocks(context: number, window: number | undefined): readonly QueryBlock[] {
  const size = blockSize(context);
  const blocks: QueryBlock[] = [];
  for (let from = 0; from < context; from += size) {
    const to = Math.min(context, from + size);
    const keysFrom = window === undefined ? 0 : Math.max(0, from - window + 1);
    blocks.push({ from, to, keysFrom, keysTo: to });
  }
  return blocks;
}

/** Short contexts stay whole: the work saved would not pay for the extra calls. */
function blockSize(context: number): number {
  return context < 192 ? context : context <= 512 ? 128 : 256;
}

/** The masks of one batch; `dispose` frees them. `mask` [rows * context] 1 = may be looked at. */
export interface BatchMasks extends AttentionMasks {
  dispose(): void;
}

export function batchMasks(rows: number, context: number, mask: Uint8Array): BatchMasks {
  const made = new Map<string, tf.Tensor4D>();
  const padded = mask.includes(0);
  return {
    block: (window, block) => {
      // A window at least as long as what precedes hides nothing more than causality does.
      const effective = window === undefined || window >= block.to - block.keysFrom ? undefined : window;
      const key = `${effective ?? 'full'}:${block.from}:${block.to}:${block.keysFrom}`;
      let tensor = made.get(key);
      if (tensor === undefined) {
        tensor = tf.keep(build(effective, block, padded ? { rows, context, mask } : undefined));
        made.set(key, tensor);
      }
      return tensor;
    },
    dispose: () => {
      for (const tensor of made.values()) tensor.dispose();
      made.clear();
    },
  };
}

interface Padding {
  readonly rows: number;
  readonly context: number;
  readonly mask: Uint8Array;
}

function build(window: number | undefined, block: QueryBlock, padding: Padding | undefined): tf.Tensor4D {
  const queries = block.to - block.from;
  const keys = block.keysTo - block.keysFrom;
  const rows = padding?.rows ?? 1;
  const values = new Float32Array(rows * queries * keys);
  for (let i = 0; i < queries; i++) {
    const query = block.from + i;
    const oldest = window === undefined ? 0 : query - window + 1;
    for (let j = 0; j < keys; j++) {
      const key = block.keysFrom + j;
      if (key > query || key < oldest) values[i * keys + j] = HIDDEN;
    }
  }
  if (padding !== undefined) {
    for (let row = padding.rows - 1; row >= 0; row--) {
      const at = row * queries * keys;
      if (row > 0) values.copyWithin(at, 0, queries * keys);
      for (let j = 0; j < keys; j++) {
        if (padding.mask[row * padding.context + block.keysFrom + j] === 1) continue;
        for (let i = 0; i < queries; i++) values[at + i * keys + j] = HIDDEN;
      }
    }
  }
  return tf.tensor4d(values, [rows, 1, queries, keys]);
}

import { tf, useBackend } from '@salmon-sae/compute';
import { beforeAll, describe, expect, it } from 'vitest';
import { batchMasks, queryBlocks } from './attention-mask.js';

beforeAll(async () => {
  await useBackend();
});

describe('attention masks', () => {
  it.each([
    [5, undefined],
    [300, undefined],
    [300, 48],
    [700, 100],
    [700, 1000],
  ])('of %i positions with window %s show each query exactly its keys', (context, window) => {
    const mask = new Uint8Array(2 * context).fill(1);
    mask.fill(0, 2 * context - 3);
    const masks = batchMasks(2, context, mask);
    const blocks = queryBlocks(context, window);
    expect(blocks.at(-1)?.to).toBe(context);
    for (const block of blocks) {
      const keys = block.keysTo - block.keysFrom;
      const values = masks.block(window, block).dataSync();
      for (let row = 0; row < 2; row++) {
        for (let query = block.from; query < block.to; query++) {
          const shown: number[] = [];
          for (let j = 0; j < keys; j++) {
            const at = (row * (block.to - block.from) + query - block.from) * keys + j;
            if (values[at] === 0) shown.push(block.keysFrom + j);
          }
          const oldest = Math.max(0, window === undefined ? 0 : query - window + 1);
          const real = row === 0 ? context : context - 3;
          const expected = Array.from({ length: query - oldest + 1 }, (_, i) => oldest + i).filter((key) => key < real);
          if (shown.length !== expected.length || shown.some((key, i) => key !== expected[i])) expect(shown).toEqual(expected);
        }
      }
    }
    masks.dispose();
  });

  it('are shared between rows without padding, and freed', () => {
    const before = tf.memory().numTensors;
    const masks = batchMasks(4, 6, new Uint8Array(24).fill(1));
    const block = queryBlocks(6, undefined)[0];
    if (block === undefined) throw new Error('no block');
    expect(masks.block(undefined, block).shape).toEqual([1, 1, 6, 6]);
    expect(masks.block(undefined, block)).toBe(masks.block(8, block));
    expect(tf.memory().numTensors).toBe(before + 1);
    masks.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

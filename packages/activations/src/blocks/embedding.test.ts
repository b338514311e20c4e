import { tf, useBackend } from '@salmon-sae/compute';
import { beforeAll, describe, expect, it } from 'vitest';
import { embeddingTable } from './embedding.js';
import type { EmbeddingTable } from './embedding.js';

const ROWS = 11;
const WIDTH = 3;
const values = Float32Array.from({ length: ROWS * WIDTH }, (_, i) => Math.sin(i));
const ids = Int32Array.from([10, 0, 3, 3, 7, 4, 10]);

beforeAll(async () => {
  await useBackend();
});

describe.each([
  ['one piece', undefined],
  ['pieces of four rows', 4 * 4 * WIDTH],
  ['pieces of one row', 1],
])('a table in %s', (_, pieceBytes) => {
  const make = (): Promise<EmbeddingTable> =>
    embeddingTable({ rows: ROWS, width: WIDTH, precision: 'f32', ...(pieceBytes === undefined ? {} : { pieceBytes }) }, async (from, to) =>
      values.slice(from * WIDTH, to * WIDTH),
    );

  it('looks rows up, projects onto them, and frees everything', async () => {
    const before = tf.memory().numTensors;
    const table = await make();
    const found = table.lookup(ids);
    expect([...found.dataSync()]).toEqual([...ids].flatMap((id) => [...values.subarray(id * WIDTH, (id + 1) * WIDTH)]));
    const logits = tf.tidy(() => table.project(found));
    const got = logits.dataSync();
    ids.forEach((id, i) => {
      for (let row = 0; row < ROWS; row++) {
        let dot = 0;
        for (let j = 0; j < WIDTH; j++) dot += (values[id * WIDTH + j] as number) * (values[row * WIDTH + j] as number);
        expect(got[i * ROWS + row]).toBeCloseTo(dot, 5);
      }
    });
    tf.dispose([found, logits]);
    table.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

import { join } from 'node:path';
import { useBackend } from '@salmon-sae/compute';
import type { TokenBatch } from '@salmon-sae/dataflow';
import { beforeAll, expect, it } from 'vitest';
import { loadLanguageModel } from '../model/load-language-model.js';
import { splice, splicePositions } from './splice.js';

const batch: TokenBatch = {
  rows: 2,
  context: 3,
  ids: Int32Array.from([2, 7, 9, 2, 8, 0]),
  mask: Uint8Array.from([1, 1, 1, 1, 1, 0]),
  special: Uint8Array.from([1, 0, 0, 1, 0, 1]),
  doc: Int32Array.from([0, 0, 0, 1, 1, -1]),
  docs: ['a', 'b'],
  domains: ['x', 'x'],
  cursor: { source: 's', shard: 0, row: 2 },
};

beforeAll(async () => {
  await useBackend();
});

it('splices in ordinary tokens only, unless asked', () => {
  expect([...splicePositions(batch)]).toEqual([0, 1, 1, 0, 1, 0]);
  expect([...splicePositions(batch, 'replace')]).toEqual([1, 1, 1, 1, 1, 0]);
});

it('gives the function the spliced rows and puts back what it returns', async () => {
  const model = await loadLanguageModel(join(import.meta.dirname, '../../test/fixtures/lm/qwen2'));
  const hook = 'mlp_out.1';
  const clean = model.forward(batch, { hooks: [hook] }).activations[hook] as Float32Array;
  let seen = 0;
  const edit = splice(
    batch,
    (rows, width) => {
      seen = rows.length / width;
      expect(rows.slice(0, width)).toEqual(clean.slice(width, 2 * width));
      return rows.map((value) => value + 1);
    },
    { hook },
  );
  const edited = model.forward(batch, { hooks: [hook], edits: [edit] }).activations[hook] as Float32Array;
  expect(seen).toBe(3);
  edited.forEach((value, i) => {
    const position = Math.floor(i / 32);
    expect(value).toBeCloseTo((clean[i] as number) + ([1, 2, 4].includes(position) ? 1 : 0), 6);
  });
  const same = splice(batch, (rows) => rows, { hook });
  const scores = model.scoreEdits(batch, [[same]]);
  expect(Math.max(...(scores.variants[0]?.kl ?? [1]))).toBeLessThan(1e-6);
  model.dispose();
});

import type { ActivationBatch } from '@salmon-sae/dataflow';
import { ordinaryTokens } from '../experiment/texts.js';
import { activationsOf } from './collect-contexts.js';
import type { ReadText } from './collect-contexts.js';

/** Activations of every n-th ordinary token, with the smallest n for which they are at most `rows`. Throws `cancelled`. */
export async function sampleActivations(text: ReadText, most: number): Promise<ActivationBatch> {
  const width = text.model.hookWidth(text.hook);
  const total = text.rows.reduce((sum, batch) => sum + ordinaryTokens(batch), 0);
  const stride = Math.max(1, Math.ceil(total / most));
  const rows = Math.ceil(total / stride);
  const values = new Float32Array(rows * width);
  const origin = { tokenId: new Int32Array(rows), position: new Int32Array(rows), doc: new Int32Array(rows), docs: [] as string[], domains: [] as string[] };
  let seen = 0;
  for await (const { tokens, positions, x } of activationsOf(text)) {
    const first = origin.docs.length;
    origin.docs.push(...tokens.docs);
    origin.domains.push(...tokens.domains);
    positions.forEach((at, i) => {
      if (seen++ % stride !== 0) return;
      const row = (seen - 1) / stride;
      values.set(x.subarray(i * width, (i + 1) * width), row * width);
      origin.tokenId[row] = tokens.ids[at] ?? 0;
      origin.position[row] = at % tokens.context;
      origin.doc[row] = first + (tokens.doc[at] ?? 0);
    });
  }
  return { site: { model: text.model.info.id, hook: text.hook, width }, rows, values, origin, cursor: { source: 'sample', shard: 0, row: rows } };
}

/** Runs of `size` rows, spread evenly so that they hold about `most` rows together: runs, so that rows of one document stay together. */
export function* spreadBatches(batch: ActivationBatch, size: number, most: number): Generator<ActivationBatch> {
  const { width } = batch.site;
  const { tokenId, position, doc, ...names } = batch.origin;
  const step = size * Math.max(1, Math.ceil(batch.rows / most));
  for (let from = 0; from < batch.rows; from += step) {
    const to = Math.min(batch.rows, from + size);
    const origin = { ...names, tokenId: tokenId.subarray(from, to), position: position.subarray(from, to), doc: doc.subarray(from, to) };
    yield { ...batch, rows: to - from, values: batch.values.subarray(from * width, to * width), origin };
  }
}

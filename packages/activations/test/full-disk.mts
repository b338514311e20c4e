// Run under a file size limit: writes two small shards, then one that does not fit, and prints what came of it.
import { Pace, fromPull } from '@salmon-sae/dataflow';
import type { LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import { lastValueFrom, tap } from 'rxjs';
import { writeStore } from '../src/store/write-store.js';

const WIDTH = 256;
const root = process.argv[2] ?? '';

const model = {
  info: { id: 'zeros', hash: 'zeros' },
  get tokenizer(): never {
    throw Object.assign(new Error('none'), { name: 'SalmonError', code: 'missing-file' });
  },
  hookWidth: () => WIDTH,
  forward: (rows: TokenBatch) => ({ activations: { 'resid_post.0': new Float32Array(rows.rows * rows.context * WIDTH) } }),
} as unknown as LanguageModel;

function batch(rows: number): TokenBatch {
  const size = rows * 4;
  return {
    rows,
    context: 4,
    ids: new Int32Array(size),
    mask: new Uint8Array(size).fill(1),
    special: new Uint8Array(size),
    doc: new Int32Array(size),
    docs: ['d'],
    domains: ['x'],
    cursor: { source: 's', shard: 0, row: 0 },
  };
}

const pace = new Pace(1);
let folder = '';
try {
  await lastValueFrom(
    fromPull(() => [batch(1), batch(1), batch(500)], pace).pipe(
      writeStore(model, { root, data: null, context: 4, hook: 'resid_post.0', tokensPerShard: 4, pace }),
      tap((progress) => (folder = progress.folder)),
    ),
  );
  process.stdout.write(`${JSON.stringify({ code: 'none', folder })}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ code: (error as { code?: string }).code, folder })}\n`);
}

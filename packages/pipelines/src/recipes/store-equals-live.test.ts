import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { harvest, loadLanguageModel, readStore, writeStore } from '@salmon-sae/activations';
import { useBackend } from '@salmon-sae/compute';
import { documents, tokenize } from '@salmon-sae/corpus';
import type { ActivationBatch, LanguageModel, SaeState, TokenBatch } from '@salmon-sae/dataflow';
import { Pace, run, shuffle } from '@salmon-sae/dataflow';
import { jumprelu, train } from '@salmon-sae/sae-core';
import type { Observable } from 'rxjs';
import { filter } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundledModel } from '../experiment/bundled-model.js';
import { upTo } from '../experiment/texts.js';

let folder = '';
let model: LanguageModel;
beforeAll(async () => {
  await useBackend();
  folder = await mkdtemp(join(tmpdir(), 'salmon-store-'));
  model = await loadLanguageModel(bundledModel());
});
afterAll(async () => {
  model.dispose();
  await rm(folder, { recursive: true, force: true });
});

function tokens(pace?: Pace): Observable<TokenBatch> {
  return documents({ kind: 'wordnet', part: 'medical' }, pace === undefined ? {} : { pace }).pipe(
    tokenize(model.tokenizer, { context: 64, packing: 'document', batchRows: 8 }),
    upTo(4_000),
  );
}

async function trained(rows: Observable<ActivationBatch>): Promise<SaeState> {
  const spec = { id: 'sae', sae: jumprelu({ latents: 128, targetL0: 8 }), training: { steps: 20, batch: 128, seed: 4, learningRate: 1e-3 } };
  const last = await run(
    rows.pipe(
      shuffle(1_000, 9, { batch: 128 }),
      filter((batch) => batch.rows === 128),
      train(spec),
    ),
  );
  if (last?.kind !== 'done') throw new Error('training did not end');
  return last.state;
}

it('an SAE trained from the store equals one trained live on the same order, bit for bit', async () => {
  const hook = 'resid_post.4';
  const live = await trained(tokens().pipe(harvest(model, { hook })));
  const pace = new Pace(2);
  const written = await run(tokens(pace).pipe(writeStore(model, { root: folder, data: 'medical', hook, context: 64, tokensPerShard: 1_000, pace })));
  expect(written?.shards).toBeGreaterThan(1);
  const stored = await trained(readStore(written?.folder ?? '', { hook, model: model.info }));
  expect(stored.scale).toBe(live.scale);
  for (const [name, array] of Object.entries(live.weights)) expect(stored.weights[name]?.data, name).toEqual(array.data);
});

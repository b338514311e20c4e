import { harvest, loadLanguageModel, shuffledStore } from '@salmon-sae/activations';
import type { ActivationBatch, Json, LanguageModelInfo } from '@salmon-sae/dataflow';
import { fromPull, hashFile, SalmonError, shuffle } from '@salmon-sae/dataflow';
import { resolveSource } from '@salmon-sae/dataflow/hub';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { concat, defer, filter } from 'rxjs';
import type { Observable } from 'rxjs';
import { HarvestProcess } from './harvest-process.js';
import { textTokens } from './text-tokens.js';
import type { TextData } from './text-tokens.js';
import type { TrainingData } from './training-file.js';

/** A stream of training batches that can be opened after any number of them. */
export interface TrainingRows {
  /** Identifies the data: resuming with other data is refused. */
  readonly identity: Json;
  /** Batches in all, where the source knows. */
  readonly batches: number | undefined;
  open(after: number): Observable<ActivationBatch>;
  dispose(): void;
}

export async function openTrainingRows(data: TrainingData): Promise<TrainingRows> {
  switch (data.kind) {
    case 'safetensors':
      return fileRows(data);
    case 'store':
      return storeRows(data);
    case 'text':
      return textRows(data);
  }
}

async function fileRows(data: Extract<TrainingData, { kind: 'safetensors' }>): Promise<TrainingRows> {
  const file = await openSafetensors(data.path);
  for (const name of [data.tensor, ...(data.target === undefined ? [] : [data.target])]) {
    if (file.names.includes(name)) continue;
    await file.close();
    throw new SalmonError('bad-file', { what: `The activation file has no tensor ${name}`, where: data.path, expected: `one of ${file.names.join(', ')}`, got: name });
  }
  const { shape } = file.info(data.tensor);
  const width = shape.at(-1) ?? 0;
  const slab = shape.length === 3;
  if (shape.length !== 2 && !slab) {
    await file.close();
    throw new SalmonError('bad-shape', { what: 'Training activations have the wrong shape', where: `${data.path}: ${data.tensor}`, expected: '[N,d] or [S,B,d]', got: `[${shape.join(', ')}]` });
  }
  const rows = slab ? (shape[1] ?? 0) : data.batch;
  const batches = slab ? (shape[0] ?? 0) : Math.floor((shape[0] ?? 0) / data.batch);
  const site = { model: 'file', hook: data.tensor, width };
  const per = slab ? 1 : data.batch;
  async function* read(after: number): AsyncGenerator<ActivationBatch> {
    for (let batch = after; batch < batches; batch++) {
      const values = await file.readRows(data.tensor, batch * per, (batch + 1) * per);
      const target = data.target === undefined ? undefined : await file.readRows(data.target, batch * per, (batch + 1) * per);
      const origin = { tokenId: new Int32Array(rows), position: new Int32Array(rows), doc: new Int32Array(rows).fill(-1), docs: [], domains: [] };
      yield { site, rows, values: values.data, ...(target === undefined ? {} : { target: target.data }), origin, cursor: { source: data.path, shard: 0, row: (batch + 1) * rows } };
    }
  }
  return {
    identity: { kind: 'safetensors', sha256: await hashFile(data.path), tensor: data.tensor, target: data.target ?? null, rows },
    batches,
    open: (after) => fromPull(() => read(after)),
    dispose: () => void file.close(),
  };
}

function storeRows(data: Extract<TrainingData, { kind: 'store' }>): TrainingRows {
  const { path, hook, seed, reservoir, batch, epochs } = data;
  const pass = (epoch: number): Observable<ActivationBatch> =>
    defer(() => shuffledStore(path, { seed: seed + epoch, reservoir, batch, ...(hook === undefined ? {} : { hook }) }).pipe(filter((rows) => rows.rows === batch)));
  const all = concat(...Array.from({ length: epochs }, (_, epoch) => pass(epoch)));
  return { identity: { ...data, hook: hook ?? null }, batches: undefined, open: (after) => all.pipe(afterFirst(after)), dispose: () => {} };
}

async function textRows(data: TextData): Promise<TrainingRows> {
  const source = await textSource({ ...data, model: await resolveSource(data.model) });
  const rows = (): Observable<ActivationBatch> =>
    source.rows().pipe(
      shuffle(data.reservoir, data.seed, { batch: data.batch }),
      filter((batch) => batch.rows === data.batch),
    );
  // Where the harvest runs does not change a row.
  const same = Object.fromEntries(Object.entries(data).filter(([name]) => name !== 'harvest')) as Record<string, Json>;
  return {
    identity: { ...same, modelHash: source.info.hash },
    batches: undefined,
    open: (after) => defer(rows).pipe(afterFirst(after)),
    dispose: () => source.dispose(),
  };
}

interface TextSource {
  readonly info: LanguageModelInfo;
  rows(): Observable<ActivationBatch>;
  dispose(): void;
}

async function textSource(data: TextData): Promise<TextSource> {
  const { process, threads } = data.harvest;
  if (process) return HarvestProcess.start(data, threads === undefined ? {} : { threads });
  const model = await loadLanguageModel(data.model, { precision: data.precision, until: data.hook });
  return {
    info: model.info,
    rows: () => textTokens(model.tokenizer, data).pipe(harvest(model, { hook: data.hook, specials: data.specials })),
    dispose: () => model.dispose(),
  };
}

/** Reads again, and leaves out, the batches that an interrupted run had: the order is a function of the seed alone. */
function afterFirst(count: number): (source: Observable<ActivationBatch>) => Observable<ActivationBatch> {
  return filter((_, index) => index >= count);
}

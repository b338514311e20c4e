import { shuffledStore, openStore, writeStore } from '@salmon-sae/activations';
import type { ActivationBatch, Json } from '@salmon-sae/dataflow';
import { contentHash, Pace, run as runToEnd } from '@salmon-sae/dataflow';
import type { Observable } from 'rxjs';
import { tap } from 'rxjs';
import type { CorpusConfig } from './config.js';
import type { Session } from './session.js';
import { tokenStream, upTo } from './texts.js';

/** Training activations of one text, harvested once into the run's activation store. */
export interface ActivationSource {
  readonly text: string;
  readonly rows: number;
  readonly documents: number;
  /** Hash of what determines the rows. */
  readonly key: string;
  /** One pass in the seed's order, mixed, in batches; `emitted` rows of an interrupted pass are left out. */
  pass(options: { readonly seed: number; readonly emitted: number }): Observable<ActivationBatch>;
}

/** Harvests a text's training tokens, or finds them harvested; an interrupted harvest goes on after its last whole shard. */
export async function activationSource(session: Session, corpus: CorpusConfig): Promise<ActivationSource> {
  const { config, model, run } = session;
  const { hook } = config.model;
  const data = { corpus, split: config.split, tokens: config.tokens.train, batchRows: config.model.batchRows } as unknown as Json;
  const inputs = { data, model: config.model, modelHash: model.info.hash, specials: config.specials } as unknown as Json;
  const stage = await run.stage(`harvest/${corpus.name}`, inputs, async () => {
    const documents = new Set<string>();
    const pace = new Pace(2);
    const rows = tokenStream(session, corpus, 'train', pace).pipe(
      upTo(config.tokens.train),
      tap((batch) => {
        for (const doc of batch.docs) documents.add(doc);
      }),
    );
    const last = await runToEnd(
      rows.pipe(writeStore(model, { root: run.file('activations'), data, hook, context: config.model.context, specials: config.specials, pace })),
      {
        ...(session.signal === undefined ? {} : { signal: session.signal }),
        onEvent: ({ seen }) => session.listener({ kind: 'progress', stage: `harvest ${corpus.name}`, done: seen, total: config.tokens.train, unit: 'tokens' }),
      },
    );
    const manifest = await openStore(last?.folder ?? '', { model: model.info });
    const stored = manifest.shards.flatMap((shard) => shard.files).reduce((sum, file) => sum + file.rows, 0);
    return { folder: last?.folder.slice(run.path.length + 1) ?? '', rows: stored, documents: documents.size };
  });
  const { folder, rows, documents } = stage.result;
  const { reservoir, batch } = config.training;
  return {
    text: corpus.name,
    rows,
    documents,
    key: contentHash(inputs),
    pass: ({ seed, emitted }) => shuffledStore(run.file(folder), { hook, model: model.info, seed, batch, emitted, reservoir: Math.min(reservoir, rows) }),
  };
}

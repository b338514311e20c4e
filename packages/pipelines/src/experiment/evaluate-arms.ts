import { harvest } from '@salmon-sae/activations';
import type { Json, TokenBatch } from '@salmon-sae/dataflow';
import { run as runToEnd } from '@salmon-sae/dataflow';
import type { LossEvaluation, NamedSae, ReconstructionEvaluation, Sampled } from '@salmon-sae/metrics';
import { lossAccumulator, meanActivation, reconstructionAccumulator } from '@salmon-sae/metrics';
import type { Sae } from '@salmon-sae/sae-core';
import { from } from 'rxjs';
import type { CorpusConfig } from './config.js';
import { darkMatterOf } from './dark-matter-of.js';
import type { MeasuredSae, MeasuredText } from './measured.js';
import { measuredFromJson, measuredToJson } from './measured.js';
import type { Session } from './session.js';
import { checkpointHere, withSaes } from './session.js';
import { firstRows, heldOut, ordinaryTokens } from './texts.js';
import type { TrainedSae } from './train-arms.js';

/** Measures every SAE on the held-out part of one text: reconstruction, loss, and the linear part of the error. */
export async function evaluateText(
  session: Session,
  corpus: CorpusConfig,
  saes: { readonly keys: readonly string[]; readonly trained: readonly TrainedSae[]; readonly headline: ReadonlySet<string> },
): Promise<{ readonly key: string; readonly measured: MeasuredText }> {
  const { config, run } = session;
  const inputs = { corpus, model: config.model, modelHash: session.model.info.hash, split: config.split, tokens: config.tokens, specials: config.specials, ...(config.specials === 'include' ? { scored: 'both' } : {}), bootstrap: config.bootstrap, saes: saes.keys, names: saes.trained.map((sae) => sae.name) } as unknown as Json;
  const stage = await run.stage(`evaluate/${corpus.name}`, inputs, async () => {
    const rows = await heldOut(session, corpus, config.tokens.eval);
    const measured = await withSaes(saes.trained.map((sae) => run.file(sae.path)), (open) =>
      measure(session, { corpus, rows, saes: named(saes.trained, open), headline: saes.headline }),
    );
    return measuredToJson(measured);
  });
  return { key: stage.key, measured: measuredFromJson(stage.result) };
}

interface Task {
  readonly corpus: CorpusConfig;
  readonly rows: readonly TokenBatch[];
  readonly saes: readonly NamedSae<Sae>[];
  readonly headline: ReadonlySet<string>;
}

async function measure(session: Session, task: Task): Promise<MeasuredText> {
  const { config } = session;
  // The report's main numbers leave special tokens out, however the SAEs were trained. With them in, every SAE's reconstruction is
  // shown beside, and the loss (the slow part) at the headline, or everywhere if that is how the SAEs were trained.
  const beside = config.specials === 'include' ? task : { ...task, saes: task.saes.filter(({ name }) => task.headline.has(name)) };
  const main = await reconstruction(session, task, 'exclude');
  const loss = spliced(session, task, 'exclude');
  const dark = await darkMatterOf(session, task);
  const withSpecials = await reconstruction(session, task, 'include');
  const lossWithSpecials = spliced(session, beside, 'include');
  const saes = task.saes.map(({ name }): MeasuredSae => {
    const own = main.saes.find((sae) => sae.sae === name);
    return {
      sae: name,
      metrics: { ...own?.metrics, ...metricsOf(loss.saes, name), ...dark.get(name) },
      withSpecials: { ...metricsOf(withSpecials.saes, name), ...metricsOf(lossWithSpecials.saes, name) },
      active: Array.from(own?.latents.counts ?? []),
      tokens: main.tokens,
    };
  });
  return { text: task.corpus.name, tokens: main.tokens, documents: main.documents, saes };
}

async function reconstruction(session: Session, task: Task, specials: 'exclude' | 'include'): Promise<ReconstructionEvaluation> {
  const { config } = session;
  const accumulator = reconstructionAccumulator(task.saes, { replicates: config.bootstrap.samples, seed: config.bootstrap.seed });
  const note = specials === 'include' ? 'reconstruction, special tokens in' : 'reconstruction';
  let done = 0;
  await runToEnd(from(task.rows).pipe(harvest(session.model, { hook: config.model.hook, specials })), {
    onEvent: (batch) => {
      checkpointHere(session);
      accumulator.add(batch);
      done += batch.rows;
      session.listener({ kind: 'progress', stage: `evaluate ${task.corpus.name}`, done, total: config.tokens.eval, unit: 'tokens', note });
    },
  });
  return accumulator.value();
}

function spliced(session: Session, task: Task, specials: 'exclude' | 'include'): LossEvaluation {
  const { config, model } = session;
  const { hook } = config.model;
  const rows = firstRows(task.rows, config.tokens.loss);
  const mean = meanActivation({ model, hook, tokens: rows, specials });
  const accumulator = lossAccumulator({ model, hook, saes: task.saes, mean }, { specials, replicates: config.bootstrap.samples, seed: config.bootstrap.seed });
  let done = 0;
  for (const batch of rows) {
    checkpointHere(session);
    accumulator.add(batch);
    done += ordinaryTokens(batch);
    session.listener({ kind: 'progress', stage: `evaluate ${task.corpus.name}`, done, total: config.tokens.loss, unit: 'tokens', note: specials === 'include' ? 'loss, special tokens in' : 'loss' });
  }
  return accumulator.value();
}

function metricsOf(saes: readonly { readonly sae: string; readonly metrics: Readonly<Record<string, Sampled>> }[], name: string): Readonly<Record<string, Sampled>> {
  return saes.find((sae) => sae.sae === name)?.metrics ?? {};
}

function named(trained: readonly TrainedSae[], open: readonly Sae[]): readonly NamedSae<Sae>[] {
  return trained.flatMap(({ name }, i) => {
    const sae = open[i];
    return sae === undefined ? [] : [{ name, sae }];
  });
}

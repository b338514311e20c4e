import type { Json, TokenBatch } from '@salmon-sae/dataflow';
import type { NamedSae, Sampled } from '@salmon-sae/metrics';
import type { Sae } from '@salmon-sae/sae-core';
import type { CorpusConfig } from './config.js';
import type { MeasuredSae, MeasuredText } from './measured.js';
import { measuredFromJson, measuredToJson } from './measured.js';
import { darkMatterPass, lossPass, reconstructionPass } from './passes.js';
import type { PassOptions, PassTask } from './passes.js';
import type { Session } from './session.js';
import { checkpointHere, withSaes } from './session.js';
import { heldOut } from './texts.js';
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
  const { config, model } = session;
  const all: PassTask = { model, hook: config.model.hook, rows: task.rows, saes: task.saes };
  // The report's main numbers leave special tokens out, however the SAEs were trained. With them in, every SAE's reconstruction is
  // shown beside, and the loss (the slow part) at the headline, or everywhere if that is how the SAEs were trained.
  const beside = config.specials === 'include' ? all : { ...all, saes: task.saes.filter(({ name }) => task.headline.has(name)) };
  const options = (specials: 'exclude' | 'include'): PassOptions & { readonly tokens: number } => ({
    specials,
    replicates: config.bootstrap.samples,
    seed: config.bootstrap.seed,
    tokens: config.tokens.loss,
    onTokens: (note, done, total) => {
      checkpointHere(session);
      session.listener({ kind: 'progress', stage: `evaluate ${task.corpus.name}`, done, total, unit: 'tokens', note });
    },
  });
  const main = await reconstructionPass(all, options('exclude'));
  const loss = await lossPass(all, options('exclude'));
  const dark = await darkMatterPass(all, options('exclude'));
  const withSpecials = await reconstructionPass(all, options('include'));
  const lossWithSpecials = await lossPass(beside, options('include'));
  const saes = task.saes.map(({ name }): MeasuredSae => {
    const own = main.saes.find((sae) => sae.sae === name);
    return {
      sae: name,
      metrics: { ...own?.metrics, ...metricsOf(loss.saes, name), ...metricsOf(dark, name) },
      withSpecials: { ...metricsOf(withSpecials.saes, name), ...metricsOf(lossWithSpecials.saes, name) },
      active: Array.from(own?.latents.counts ?? []),
      tokens: main.tokens,
    };
  });
  return { text: task.corpus.name, tokens: main.tokens, documents: main.documents, saes };
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

import { loadLanguageModel } from '@salmon-sae/activations';
import { useBackend } from '@salmon-sae/compute';
import type { BackendInfo } from '@salmon-sae/compute';
import type { LanguageModel } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { resolveSource } from '@salmon-sae/dataflow/hub';
import { loadSae, openSae } from '@salmon-sae/sae-core';
import type { Sae } from '@salmon-sae/sae-core';
import type { ExperimentConfig } from './config.js';
import type { Listener } from './event.js';
import type { RunDirectory } from './run-directory.js';

/** What every stage of an experiment shares: configuration, engine, model and the run directory. */
export interface Session {
  readonly config: ExperimentConfig;
  readonly run: RunDirectory;
  readonly backend: BackendInfo;
  readonly model: LanguageModel;
  readonly listener: Listener;
  readonly signal: AbortSignal | undefined;
}

/** Readies the engine and loads the model; says so when the engine is a slower one than asked for. */
export async function openSession(
  config: ExperimentConfig,
  run: RunDirectory,
  watch: { readonly listener: Listener; readonly signal?: AbortSignal | undefined },
): Promise<Session> {
  const backend = await useBackend();
  const folder = await resolveSource(config.model.source);
  const model = await loadLanguageModel(folder, { precision: config.model.precision });
  try {
    model.hookWidth(config.model.hook);
    if (config.model.context > model.info.context) {
      throw new SalmonError('bad-config', {
        what: 'The rows are longer than the model can read',
        where: 'model.context',
        expected: `at most ${model.info.context} tokens`,
        got: String(config.model.context),
        todo: 'Lower model.context',
      });
    }
  } catch (error) {
    model.dispose();
    throw error;
  }
  return { config, run, backend, model, listener: watch.listener, signal: watch.signal };
}

/** Throws `cancelled` when the run was asked to stop: called between pieces of work. */
export function checkpointHere(session: Session): void {
  if (session.signal?.aborted !== true) return;
  throw new SalmonError('cancelled', {
    what: 'Stopped on request; what was finished is kept',
    where: session.run.path,
    todo: `Continue with: salmon experiment --resume --out ${session.run.path}`,
  });
}

/** Opens stored SAEs, hands them to `work`, and frees them whatever happens. */
export async function withSaes<T>(paths: readonly string[], work: (saes: readonly Sae[]) => Promise<T>): Promise<T> {
  const saes: Sae[] = [];
  try {
    for (const path of paths) saes.push(openSae(await loadSae(path)));
    return await work(saes);
  } finally {
    for (const sae of saes) sae.dispose();
  }
}

import { mkdir } from 'node:fs/promises';
import type { Json, MetricRow } from '@salmon-sae/dataflow';
import { contentHash, writeFileAtomic } from '@salmon-sae/dataflow';
import { toRows } from '@salmon-sae/metrics';
import type { ReportData } from '../report/index.js';
import { renderMarkdown, renderReport, reportFiles } from '../report/index.js';
import { packageVersions } from '../versions.js';
import { activationSource } from './activation-source.js';
import type { ActivationSource } from './activation-source.js';
import { buildReport } from './build-report.js';
import type { CorpusConfig, ExperimentConfig } from './config.js';
import { evaluateText } from './evaluate-arms.js';
import type { Listener } from './event.js';
import { interpretText } from './interpret-arms.js';
import type { MeasuredText } from './measured.js';
import { measuredOverlaps } from './overlaps.js';
import { planArms } from './plan.js';
import type { PlannedSae } from './plan.js';
import { RunDirectory } from './run-directory.js';
import { checkpointHere, openSession } from './session.js';
import type { Session } from './session.js';
import { importSae } from './import-sae.js';
import { trainBoostingBaseline } from './train-baselines.js';
import { trainBoosted, trainGroup } from './train-arms.js';
import type { TrainedSae } from './train-arms.js';

export interface ExperimentOptions {
  readonly out: string;
  readonly listener?: Listener;
  readonly signal?: AbortSignal;
  /** The command line that started it, for the report. */
  readonly command?: string;
}

export interface ExperimentResult {
  readonly out: string;
  readonly report: string;
  readonly data: ReportData;
}

/** Runs the whole comparison; finished stages of the run directory are kept, so that it can be stopped and called again. */
export async function runExperiment(config: ExperimentConfig, options: ExperimentOptions): Promise<ExperimentResult> {
  const listener = options.listener ?? ((): void => {});
  const started = performance.now();
  await mkdir(options.out, { recursive: true });
  const run = await RunDirectory.open(options.out, listener);
  await writeFileAtomic(run.file('config.json'), `${JSON.stringify(config, null, 2)}\n`);
  const session = await openSession(config, run, { listener, signal: options.signal });
  try {
    const outcome = await stages(session);
    const facts = {
      runId: contentHash(config as unknown as Json).slice(0, 12),
      created: new Date().toISOString(),
      wallSeconds: (performance.now() - started) / 1000,
      versions: packageVersions(),
      ...(options.command === undefined ? {} : { command: options.command }),
    };
    const data = await buildReport(session, { ...outcome, facts });
    await writeResults(run, { data, measured: outcome.measured, plans: outcome.plans, trained: [...outcome.trained.values()].map(({ trained }) => trained) });
    return { out: run.path, report: run.file('report.html'), data };
  } finally {
    session.model.dispose();
  }
}

/** A trained SAE with the key of the stage that made it. */
export interface KeyedSae {
  readonly key: string;
  readonly trained: TrainedSae;
}

async function stages(session: Session): Promise<Omit<Parameters<typeof buildReport>[1], 'facts'>> {
  const { config } = session;
  const plans = planArms(config);
  const texts = [config.broad, ...config.domains];
  const sources = new Map<string, ActivationSource>();
  const sourceOf = async (corpus: CorpusConfig): Promise<ActivationSource> => {
    const known = sources.get(corpus.name) ?? (await activationSource(session, corpus));
    sources.set(corpus.name, known);
    return known;
  };

  const trained = new Map<string, KeyedSae>();
  for (const corpus of texts) {
    checkpointHere(session);
    const group = plans.filter((plan) => plan.text === corpus.name && (plan.arm === 'broad' || plan.arm === 'domain') && plan.imported === undefined);
    for (const plan of plans.filter((each) => each.text === corpus.name && each.imported !== undefined)) trained.set(plan.name, await importSae(session, plan));
    if (group.length === 0) continue;
    const stage = await trainGroup(session, { name: corpus.name, plans: group, source: await sourceOf(corpus) });
    for (const sae of stage.trained) trained.set(sae.name, { key: stage.key, trained: sae });
  }
  for (const plan of plans.filter((each) => each.base !== undefined)) {
    checkpointHere(session);
    const corpus = texts.find((text) => text.name === plan.text);
    const base = trained.get(plan.base ?? '');
    if (corpus === undefined || base === undefined) continue;
    const task = { plan, base: base.trained, baseKey: base.key, source: await sourceOf(corpus) };
    const stage = plan.arm === 'boosted' ? await trainBoosted(session, task) : await trainBoostingBaseline(session, task);
    trained.set(plan.name, { key: stage.key, trained: stage.trained });
  }

  const all = [...trained.values()];
  const measured: MeasuredText[] = [];
  const headline = new Set(plans.filter((plan) => plan.headline).map(({ name }) => name));
  for (const corpus of texts) {
    checkpointHere(session);
    const { measured: one } = await evaluateText(session, corpus, { keys: all.map(({ key }) => key), trained: all.map((sae) => sae.trained), headline });
    measured.push(one);
  }

  const shown = plans.filter((plan) => plan.headline && plan.seed === config.grid.seeds[0]);
  const interpreted = [];
  if (config.interpretation.latents > 0) {
    for (const corpus of config.domains) {
      checkpointHere(session);
      const saes = shown.filter((plan) => plan.arm === 'broad' || plan.text === corpus.name).flatMap((plan) => trained.get(plan.name) ?? []);
      interpreted.push(...(await interpretText(session, corpus, { keys: saes.map(({ key }) => key), plans, trained: saes.map((sae) => sae.trained) })));
    }
  }
  const overlaps = await measuredOverlaps(session, { plans, trained, measured });
  return { plans, trained, measured, interpreted, overlaps, sources: [...sources.values()] };
}

async function writeResults(
  run: RunDirectory,
  results: { readonly data: ReportData; readonly measured: readonly MeasuredText[]; readonly plans: readonly PlannedSae[]; readonly trained: readonly TrainedSae[] },
): Promise<void> {
  const { data } = results;
  const rows: MetricRow[] = results.measured.flatMap((text) =>
    text.saes.flatMap((sae) => [
      ...toRows(Object.values(sae.metrics), { run: data.run.id, sae: sae.sae, split: 'eval', domain: text.text }),
      ...toRows(Object.values(sae.otherSpecials), { run: data.run.id, sae: sae.sae, split: `eval, special tokens ${data.run.specials === 'exclude' ? 'included' : 'excluded'}`, domain: text.text }),
    ]),
  );
  await writeFileAtomic(run.file('metrics.json'), `${JSON.stringify(rows, null, 1)}\n`);
  await writeFileAtomic(run.file('saes.json'), `${JSON.stringify(results.trained.map((sae) => ({ ...sae, ...results.plans.find((plan) => plan.name === sae.name) })), null, 1)}\n`);
  await writeFileAtomic(run.file('report.json'), `${JSON.stringify(data, null, 1)}\n`);
  for (const { path, content } of reportFiles(data)) await writeFileAtomic(run.file(path), content);
  await writeFileAtomic(run.file('report.md'), renderMarkdown(data));
  await writeFileAtomic(run.file('report.html'), renderReport(data));
}

import { mkdir } from 'node:fs/promises';
import type { Json } from '@salmon-sae/dataflow';
import { contentHash, writeFileAtomic } from '@salmon-sae/dataflow';
import type { ExtraTable, ReportData, ScalingSection } from '../report/index.js';
import { packageVersions } from '../versions.js';
import { activationSource } from './activation-source.js';
import type { ActivationSource } from './activation-source.js';
import { silentOnBroad } from './boosting-silence.js';
import type { ResidualSae } from './boosting-silence.js';
import { boostingSweep } from './boosting-sweep.js';
import type { BoostingSweep } from './boosting-sweep.js';
import { buildReport } from './build-report.js';
import type { CorpusConfig, ExperimentConfig } from './config.js';
import { evaluateText } from './evaluate-arms.js';
import type { Listener } from './event.js';
import { interpretText } from './interpret-arms.js';
import type { MeasuredText } from './measured.js';
import { makeEnsemble } from './make-ensemble.js';
import { measuredOverlaps } from './overlaps.js';
import { planArms } from './plan.js';
import { RunDirectory } from './run-directory.js';
import { widthScaling } from './scaling.js';
import { checkpointHere, openSession } from './session.js';
import type { Session } from './session.js';
import { extraTables } from './extras/extra-tables.js';
import { importSae } from './import-sae.js';
import { trainBoostingBaseline } from './train-baselines.js';
import { trainBoosted, trainGroup } from './train-arms.js';
import type { TrainedSae } from './train-arms.js';
import { writeResults } from './write-results.js';
import type { DomainReport } from './write-results.js';

export interface ExperimentOptions {
  readonly out: string;
  readonly listener?: Listener;
  readonly signal?: AbortSignal;
  /** The command line that started it, for the report. */
  readonly command?: string;
}

export interface ExperimentResult {
  readonly out: string;
  /** The first domain's page; the others are `report-<domain>.html` beside it. */
  readonly report: string;
  /** The first domain's report. */
  readonly data: ReportData;
  /** One report per domain. */
  readonly reports: readonly ReportData[];
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
    const reports: DomainReport[] = [];
    for (const [index, { name, title }] of config.domains.entries()) reports.push({ name, title, data: await buildReport(session, { ...outcome, facts }, index) });
    const data = reports[0]?.data;
    if (data === undefined) throw new Error('an experiment has at least one domain');
    const trained = [...outcome.trained.values()].map((sae) => sae.trained);
    await writeResults(run, { reports, measured: outcome.measured, plans: outcome.plans, trained, notice: (text) => listener({ kind: 'notice', text }) });
    return { out: run.path, report: run.file('report.html'), data, reports: reports.map((report) => report.data) };
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
  for (const plan of plans.filter((each) => each.base !== undefined && each.parts === undefined)) {
    checkpointHere(session);
    const corpus = texts.find((text) => text.name === plan.text);
    const base = trained.get(plan.base ?? '');
    if (corpus === undefined || base === undefined) continue;
    const task = { plan, base: base.trained, baseKey: base.key, source: await sourceOf(corpus) };
    const stage = plan.arm === 'boosted' ? await trainBoosted(session, task) : await trainBoostingBaseline(session, task);
    trained.set(plan.name, { key: stage.key, trained: stage.trained });
  }

  for (const plan of plans.filter((each) => each.parts !== undefined)) {
    const base = trained.get(plan.base ?? '');
    const parts = (plan.parts ?? []).flatMap((name) => trained.get(name) ?? []);
    if (base !== undefined) trained.set(plan.name, await makeEnsemble(session, { plan, base, parts }));
  }

  const all = [...trained.values()];
  const measured: MeasuredText[] = [];
  const headline = new Set(plans.filter((plan) => plan.headline).map(({ name }) => name));
  for (const corpus of texts) {
    checkpointHere(session);
    // Every SAE on the broad text; on a domain's text the broad ones and those that learnt from it.
    const here = all.filter(({ trained: { name } }) => {
      const text = plans.find((plan) => plan.name === name)?.text;
      return corpus === config.broad || text === config.broad.name || text?.split('+').includes(corpus.name);
    });
    const { measured: one } = await evaluateText(session, corpus, { keys: here.map(({ key }) => key), trained: here.map((sae) => sae.trained), headline });
    measured.push(one);
  }

  const sweeps: Record<string, BoostingSweep> = {};
  const boosted = plans.filter((plan) => plan.headline && plan.seed === config.grid.seeds[0] && (plan.arm === 'boosted' || plan.arm === 'ensemble'));
  const residuals: ResidualSae[] = [];
  for (const plan of boosted) {
    const own = trained.get(plan.name);
    const base = trained.get(plan.base ?? '');
    const baseLatents = plans.find((each) => each.name === plan.base)?.latents;
    if (own === undefined || base === undefined || baseLatents === undefined) continue;
    residuals.push({ ...own, baseLatents });
    const domain = config.domains.find(({ name }) => name === plan.text);
    if (domain === undefined || config.boosting.sweep === undefined) continue;
    sweeps[domain.name] = await boostingSweep(session, { plan, base: base.trained, baseKey: base.key, source: await sourceOf(domain), domain });
  }
  const silent = await silentOnBroad(session, residuals);

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
  const extras: Record<string, readonly ExtraTable[]> = {};
  const scaling: Record<string, ScalingSection> = {};
  for (const corpus of config.domains) {
    checkpointHere(session);
    if (config.extras !== false) extras[corpus.name] = await extraTables(session, corpus, { plans, trained, measured });
    scaling[corpus.name] = await widthScaling(session, corpus, { plans, trained, measured });
  }
  return { plans, trained, measured, interpreted, overlaps, sweeps, silent, extras, scaling, sources: [...sources.values()] };
}

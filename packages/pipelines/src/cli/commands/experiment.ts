import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadLanguageModel } from '@salmon-sae/activations';
import type { BackendInfo } from '@salmon-sae/compute';
import { contentHash, SalmonError } from '@salmon-sae/dataflow';
import type { Json } from '@salmon-sae/dataflow';
import { resolveSource } from '@salmon-sae/dataflow/hub';
import type { Command } from 'commander';
import { bundledModel } from '../../experiment/bundled-model.js';
import { parseExperiment } from '../../experiment/config.js';
import type { ExperimentConfig } from '../../experiment/config.js';
import { checkData } from '../../experiment/check-data.js';
import { forSlowEngine, quick } from '../../experiment/defaults.js';
import { estimateExperiment } from '../../experiment/dry-run.js';
import type { ModelFacts } from '../../experiment/dry-run.js';
import { runExperiment } from '../../experiment/experiment.js';
import { NEEDS_DATA, READY_CONFIGS } from '../../experiment/ready-configs.js';
import { armsTable } from '../arms-table.js';
import { readyEngine } from '../engine.js';
import { onInterrupt } from '../interruption.js';
import { emit } from '../output.js';
import { readJson } from '../read-json.js';
import { compact, duration, Terminal } from '../terminal.js';
import { experimentListener } from '../experiment-listener.js';

interface Options {
  readonly out?: string;
  readonly quick?: boolean;
  readonly resume?: boolean;
  readonly data?: string;
  readonly dryRun?: boolean;
  readonly printConfig?: boolean;
  readonly json?: boolean;
}

/** `salmon experiment`: the comparison of broad, domain and boosted SAEs. */
export function addExperiment(program: Command): void {
  program
    .command('experiment')
    .description('train broad, domain and boosted SAEs and say, with intervals, whether confining one to a domain helped')
    .argument('[config]', `JSON configuration or one of ${Object.keys(READY_CONFIGS).join(', ')} (default: wordnet-medical, offline, with the bundled model)`)
    .option('--out <folder>', 'run directory (default: runs/<name>-<hash of the configuration>)')
    .option('--quick', 'fewer tokens, one seed: about two minutes for the embedded default')
    .option('--resume', 'continue an interrupted run of --out with the configuration stored there')
    .option('--data <folder>', 'folder of the corpora that datasets/ describes (default: SALMON_DATA), for medical-real')
    .option('--dry-run', 'print download sizes, memory, arithmetic and estimated time, and stop')
    .option('--print-config', 'print the complete configuration and stop')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  salmon experiment --quick\n  salmon experiment my-experiment.json --out runs/mine\n  salmon experiment medical-real --data corpora\n  salmon experiment salmon-2b --dry-run')
    .action(async (path: string | undefined, options: Options) => {
      const started = performance.now();
      const terminal = new Terminal(options.json);
      let backend: Promise<BackendInfo> | undefined;
      // Announced once.
      const engine = (): Promise<BackendInfo> => (backend ??= readyEngine(terminal));
      const config = await configOf(path, options, { terminal, engine });
      if (options.printConfig === true) {
        process.stdout.write(`${JSON.stringify(config, null, 2)}\n`);
        return;
      }
      if (options.dryRun === true) {
        await dryRun(config, options.json);
        return;
      }
      await engine();
      const out = resolve(options.out ?? join('runs', `${config.name}-${contentHash(config as unknown as Json).slice(0, 8)}`));
      const signal = onInterrupt((text) => terminal.note(text));
      const result = await runExperiment(config, {
        out,
        signal,
        listener: experimentListener(terminal),
        command: ['salmon', ...process.argv.slice(2)].join(' '),
      });
      terminal.clear();
      const { data } = result;
      const text = [
        '',
        armsTable(data),
        '',
        data.verdict?.paragraph ?? 'One arm only: nothing to compare.',
        '',
        `Report: ${result.report}   (${duration((performance.now() - started) / 1000)})`,
      ].join('\n');
      emit(options.json, { out: result.out, report: result.report, verdict: data.verdict ?? null, saes: data.saes }, text);
    });
}

async function configOf(path: string | undefined, options: Options, { terminal, engine }: { readonly terminal: Terminal; readonly engine: () => Promise<BackendInfo> }): Promise<ExperimentConfig> {
  if (options.resume === true) {
    if (options.out === undefined) {
      throw new SalmonError('usage', { what: '--resume needs the run directory', expected: '--out <folder>', todo: 'Name the interrupted run with --out' });
    }
    const stored = join(options.out, 'config.json');
    if (!existsSync(stored)) {
      throw new SalmonError('missing-file', { what: 'There is no run to resume', where: stored, todo: 'Check --out, or start the run without --resume' });
    }
    return parseExperiment(await readJson(stored), stored);
  }
  const ready = READY_CONFIGS[path ?? 'wordnet-medical'];
  if (ready === undefined) {
    if (path !== undefined && !path.endsWith('.json') && !existsSync(path)) {
      throw new SalmonError('usage', { what: 'There is no such configuration', expected: `a JSON file or one of ${Object.keys(READY_CONFIGS).join(', ')}`, got: `"${path}"` });
    }
    const config = parseExperiment(await readJson(path ?? ''), path ?? '');
    return options.quick === true ? quick(config) : config;
  }
  const data = options.data ?? process.env['SALMON_DATA'];
  if (path !== undefined && NEEDS_DATA.has(path)) await checkData(data, (text) => terminal.note(text));
  const config = ready({ model: bundledModel(), data });
  if (options.printConfig === true || options.dryRun === true || path !== undefined) return options.quick === true ? quick(config) : config;
  const backend = await engine();
  if (backend.fallback) {
    terminal.note('The experiment runs at a smaller size; its numbers are not comparable with the full one.');
    return forSlowEngine(config);
  }
  return options.quick === true ? quick(config) : config;
}

async function dryRun(config: ExperimentConfig, json: boolean | undefined): Promise<void> {
  await readyEngine(new Terminal(json));
  const facts = config.model.facts ?? (await localFacts(config.model.source));
  const estimate = estimateExperiment(config, facts);
  const text = [
    `${config.title}: ${estimate.saes} SAEs`,
    `to download       ${compact(estimate.downloadBytes)}B`,
    `model in memory   ${compact(estimate.modelBytes)}B`,
    `activations       ${compact(estimate.activationBytes)}B on disk`,
    `training          ${compact(estimate.trainingBytes)}B of weights and optimizer slots at most`,
    `arithmetic        harvest ${compact(estimate.harvestFlops)}FLOP, training ${compact(estimate.trainingFlops)}FLOP, evaluation ${compact(estimate.evaluationFlops)}FLOP`,
    `time              about ${duration(estimate.seconds)} at ${compact(estimate.matrixRate)}FLOP/s measured here, as dense float32`,
  ].join('\n');
  emit(json, estimate, text);
}

async function localFacts(source: string): Promise<ModelFacts> {
  const model = await loadLanguageModel(await resolveSource(source));
  const { parameters, width, layers, vocabulary } = model.info;
  model.dispose();
  return { parameters, width, layers, vocabulary, downloadBytes: 0 };
}

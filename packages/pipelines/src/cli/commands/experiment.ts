import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { useBackend } from '@salmon-sae/compute';
import { contentHash, SalmonError } from '@salmon-sae/dataflow';
import type { Json } from '@salmon-sae/dataflow';
import type { Command } from 'commander';
import { bundledModel } from '../../experiment/bundled-model.js';
import { parseExperiment } from '../../experiment/config.js';
import type { ExperimentConfig } from '../../experiment/config.js';
import { embeddedDefault, forSlowEngine, quick } from '../../experiment/defaults.js';
import { runExperiment } from '../../experiment/experiment.js';
import { armsTable } from '../arms-table.js';
import { onInterrupt } from '../interruption.js';
import { emit } from '../output.js';
import { readJson } from '../read-json.js';
import { duration, Terminal } from '../terminal.js';
import { experimentListener } from '../experiment-listener.js';

interface Options {
  readonly out?: string;
  readonly quick?: boolean;
  readonly resume?: boolean;
  readonly printConfig?: boolean;
  readonly json?: boolean;
}

/** `salmon experiment`: the comparison of broad, domain and boosted SAEs. */
export function addExperiment(program: Command): void {
  program
    .command('experiment')
    .description('train broad, domain and boosted SAEs and say, with intervals, whether confining one to a domain helped')
    .argument('[config]', 'JSON configuration; without one, the embedded default (WordNet, bundled model)')
    .option('--out <folder>', 'run directory (default: runs/<name>-<hash of the configuration>)')
    .option('--quick', 'fewer tokens, one seed: about two minutes for the embedded default')
    .option('--resume', 'continue an interrupted run of --out with the configuration stored there')
    .option('--print-config', 'print the complete configuration and stop')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  salmon experiment --quick\n  salmon experiment my-experiment.json --out runs/mine')
    .action(async (path: string | undefined, options: Options) => {
      const started = performance.now();
      const terminal = new Terminal(options.json);
      const config = await configOf(path, options, terminal);
      if (options.printConfig === true) {
        process.stdout.write(`${JSON.stringify(config, null, 2)}\n`);
        return;
      }
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

async function configOf(path: string | undefined, options: Options, terminal: Terminal): Promise<ExperimentConfig> {
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
  if (path !== undefined) {
    const config = parseExperiment(await readJson(path), path);
    return options.quick === true ? quick(config) : config;
  }
  const config = embeddedDefault(bundledModel());
  if (options.printConfig === true) return options.quick === true ? quick(config) : config;
  const backend = await useBackend();
  if (backend.fallback) {
    terminal.note(`Engine: ${backend.name}, because ${backend.reason}. The experiment runs at a smaller size; its numbers are not comparable with the full one.`);
    return forSlowEngine(config);
  }
  return options.quick === true ? quick(config) : config;
}

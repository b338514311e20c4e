import { measureMatrixRate, ARCHITECTURES, estimate, resolveSpecs } from '@salmon-sae/sae-core';
import type { TrainEvent, TrainOptions, TrainSpec } from '@salmon-sae/sae-core';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Command } from 'commander';
import { openTrainingRows } from '../../training/training-rows.js';
import { parseTrainingFile, trainingFileJsonSchema } from '../../training/training-file.js';
import type { TrainingFile } from '../../training/training-file.js';
import { runTraining } from '../../training/run-training.js';
import { readyEngine } from '../engine.js';
import { onInterrupt } from '../interruption.js';
import { emit } from '../output.js';
import { readJson } from '../read-json.js';
import { compact, duration, Terminal } from '../terminal.js';

interface Options {
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly schema?: boolean;
  readonly json?: boolean;
}

/** `salmon train`: one or many SAEs on one stream of activations. */
export function addTrain(program: Command): void {
  command(program, 'train', 'train one or many SAEs on activations from a file, a store or live text', 'train.json').action(
    async (path: string | undefined, options: Options) => start(path, options, false),
  );
}

/** `salmon boost`: residual SAEs that learn what a frozen base misses. */
export function addBoost(program: Command): void {
  command(program, 'boost', 'train residual SAEs on the error of a frozen base SAE (field "base" of the configuration)', 'boost.json').action(
    async (path: string | undefined, options: Options) => start(path, options, true),
  );
}

function command(program: Command, name: string, description: string, example: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('[config]', 'JSON configuration')
    .option('--out <folder>', 'folder to write, instead of the configuration\'s')
    .option('--dry-run', 'print parameters, memory, arithmetic and estimated time, and stop')
    .option('--schema', 'print the JSON schema of the configuration, for editors, and stop')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', `\nA run that was stopped goes on from its last checkpoint when called again.\n\nExample:\n  salmon ${name} ${example}`);
}

async function start(path: string | undefined, options: Options, boost: boolean): Promise<void> {
  if (options.schema === true) {
    process.stdout.write(`${JSON.stringify(trainingFileJsonSchema(), null, 1)}\n`);
    return;
  }
  if (path === undefined) throw new SalmonError('usage', { what: 'No configuration given', expected: 'a JSON file', todo: 'See --help for an example' });
  const parsed = parseTrainingFile(await readJson(path), path);
  const file = options.out === undefined ? parsed : { ...parsed, out: options.out };
  if (boost !== (file.base !== undefined)) {
    throw new SalmonError('bad-config', {
      what: boost ? 'Boosting needs a base SAE' : 'Training takes no base SAE',
      where: `${path}: base`,
      expected: boost ? 'the path of the frozen SAE' : 'no such field',
      todo: boost ? 'Add "base"' : 'Use salmon boost',
    });
  }
  if (options.dryRun === true) return dryRun(file, options.json);
  const terminal = new Terminal(options.json);
  await readyEngine(terminal);
  const signal = onInterrupt((text) => terminal.note(text));
  const result = await runTraining(file, { signal, onEvent: (event, batches) => show(terminal, event, batches) });
  terminal.clear();
  emit(options.json, result, result.saes.map((sae) => `${sae.id}: ${sae.steps} steps, ${compact(sae.tokens)} tokens -> ${sae.path}`).join('\n'));
}

function show(terminal: Terminal, event: TrainEvent, batches: number | undefined): void {
  if (event.kind === 'warning') terminal.note(`${event.sae}, step ${event.step}: ${event.message}`);
  if (event.kind === 'step') {
    terminal.progress('train', event.step, batches ?? event.step, 'steps', `${event.sae}: loss ${event.loss.toPrecision(4)}, L0 ${event.l0.toFixed(1)}`);
  }
}

/** Parameters, memory and time of every SAE, from the configuration and the machine's measured matrix rate. */
async function dryRun(file: TrainingFile, json: boolean | undefined): Promise<void> {
  await readyEngine(new Terminal(json));
  const rows = await openTrainingRows(file.data);
  try {
    const first = await new Promise<{ readonly width: number }>((resolve, reject) => {
      const subscription = rows.open(0).subscribe({
        next: (batch) => {
          resolve({ width: batch.site.width });
          queueMicrotask(() => subscription.unsubscribe());
        },
        error: reject,
        complete: () => reject(new SalmonError('no-data', { what: 'The data has no batch', todo: 'Check the data of the configuration' })),
      });
    });
    const specs = resolveSpecs(file.saes as readonly TrainSpec[], file.training as NonNullable<TrainOptions['training']>, ARCHITECTURES);
    const rate = measureMatrixRate();
    const estimates = specs.map((spec) => estimate(spec, { width: first.width, rate }));
    const text = estimates
      .map((one) => `${one.id}: ${compact(one.parameters)} parameters, ${compact(one.weightBytes)}B with optimizer, ${compact(one.stepBytes)}B at a step's peak, ${compact(one.flopsPerStep)}FLOP a step, ${compact(one.tokens)} tokens, about ${duration(one.seconds)}`)
      .join('\n');
    emit(json, { rate, estimates }, `${text}\n(dense arithmetic at ${compact(rate)}FLOP/s measured here)`);
  } finally {
    rows.dispose();
  }
}

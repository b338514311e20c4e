import { engineReport, ensureEngine } from '@salmon-sae/compute';
import type { Command } from 'commander';
import pc from 'picocolors';
import { emit } from '../output.js';
import { Terminal } from '../terminal.js';

interface Options {
  readonly fix?: boolean;
  readonly json?: boolean;
}

/** `salmon doctor`: what computes here and why; `--fix` sets the native engine up. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('show which engine computes and why, threads, GPU, caches, disk; --fix sets the native engine up')
    .option('--fix', 'set up the native engine (libtensorflow and the addon) if it is missing')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  salmon doctor --fix')
    .action(async (options: Options) => {
      const terminal = new Terminal(options.json);
      if (options.fix === true) {
        await ensureEngine({ onProgress: (event) => terminal.progress(event.stage, event.done, event.total ?? event.done, event.unit) });
        terminal.clear();
      }
      const report = await engineReport();
      const text = Object.entries(report).map(([name, value]) => `${pc.bold(name.padEnd(16))} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`).join('\n');
      emit(options.json, report, text);
    });
}

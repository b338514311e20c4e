import { ratingCsv, ratingResult, serveRating } from '@salmon-sae/explorer';
import { writeFileAtomic } from '@salmon-sae/dataflow';
import type { Command } from 'commander';
import { onInterrupt } from '../interruption.js';
import { emit, wholeNumber } from '../output.js';
import { Terminal } from '../terminal.js';
import { untilStopped } from '../until-stopped.js';

interface Options {
  readonly latents?: string;
  readonly port?: string;
  readonly host?: string;
  readonly result?: boolean;
  readonly csv?: string;
  readonly json?: boolean;
}

/** `salmon rate`: blind human rating of two arms, and its result. */
export function addRate(program: Command): void {
  program
    .command('rate')
    .description('blind human rating of latents of two arms, matched by density; --result opens the blind')
    .argument('<run>', 'run directory of salmon experiment')
    .option('--latents <n>', 'latents of each arm, when the session is made (default: 50)')
    .option('--port <n>', 'port (default: a free one)')
    .option('--host <address>', 'address to listen on (default: this machine only)')
    .option('--result', 'agreement of the raters and the difference between the arms, and stop')
    .option('--csv <file>', 'with --result: write every answer as CSV')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  salmon rate runs/wordnet-medical\n  salmon rate runs/wordnet-medical --result --csv answers.csv')
    .action(async (run: string, options: Options) => {
      if (options.result === true) {
        const report = await ratingResult(run);
        if (options.csv !== undefined) await writeFileAtomic(options.csv, ratingCsv(report));
        emit(options.json, report.result, JSON.stringify(report.result, null, 2));
        return;
      }
      const terminal = new Terminal(options.json);
      const signal = onInterrupt((text) => terminal.note(text));
      const served = await serveRating({
        run,
        ...(options.latents === undefined ? {} : { latents: wholeNumber('--latents', options.latents) }),
        ...(options.port === undefined ? {} : { port: wholeNumber('--port', options.port) }),
        ...(options.host === undefined ? {} : { host: options.host }),
      });
      emit(options.json, { url: served.url, items: served.items, file: served.file }, `Rating of ${served.items} latents: ${served.url}   (answers in ${served.file}; Ctrl-C ends it)`);
      await untilStopped(signal);
      await served.close();
    });
}

import { isSalmonError } from '@salmon-sae/dataflow';
import { buildStatic, serveExplorer } from '@salmon-sae/explorer';
import type { Command } from 'commander';
import { readyEngine } from '../engine.js';
import { onInterrupt } from '../interruption.js';
import { emit, wholeNumber } from '../output.js';
import { compact, Terminal } from '../terminal.js';
import { untilStopped } from '../until-stopped.js';

interface Options {
  readonly static?: string;
  readonly live: boolean;
  readonly port?: string;
  readonly host?: string;
  readonly json?: boolean;
}

/** `salmon explore`: the web page over a run, served locally or written as a static site. */
export function addExplore(program: Command): void {
  program
    .command('explore')
    .description('browse a run: features, contexts, arm against arm, maps, live text')
    .argument('<run>', 'run directory of salmon experiment')
    .option('--static <folder>', 'write a site of plain files instead of serving')
    .option('--no-live', 'do not load the language model for the live page')
    .option('--port <n>', 'port (default: a free one)')
    .option('--host <address>', 'address to listen on (default: this machine only)')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  salmon explore runs/wordnet-medical\n  salmon explore runs/wordnet-medical --static site')
    .action(async (run: string, options: Options) => {
      const terminal = new Terminal(options.json);
      if (options.static !== undefined) {
        const site = await buildStatic({ run, out: options.static });
        emit(options.json, site, `${site.folder}: ${site.files} files, ${compact(site.bytes)}B; open index.html through any web server`);
        return;
      }
      if (options.live) await readyEngine(terminal);
      const signal = onInterrupt((text) => terminal.note(text));
      const address = {
        ...(options.port === undefined ? {} : { port: wholeNumber('--port', options.port) }),
        ...(options.host === undefined ? {} : { host: options.host }),
      };
      const served = await serveExplorer({ run, live: options.live, ...address }).catch(async (error: unknown) => {
        // A run opened on another machine may have no model here; everything but the live page does without.
        if (!options.live || !isSalmonError(error) || error.code === 'usage') throw error;
        const without = await serveExplorer({ run, ...address });
        terminal.note(`The live page is off: ${error.message}`);
        return without;
      });
      emit(options.json, { url: served.url }, `Explorer of ${run}: ${served.url}   (Ctrl-C ends it)`);
      await untilStopped(signal);
      await served.close();
    });
}

import { LiveSession } from './live/live-session.js';
import { openRun } from './run/open-run.js';
import { explorerApp } from './server/explorer-app.js';
import { listen } from './server/listen.js';
import type { Address, Served } from './server/listen.js';
import { pageFiles } from './server/page-files.js';

export interface ExplorerOptions extends Address {
  /** The run's folder. */
  readonly run: string;
  /** Load the run's language model and SAEs, and answer the live page. Default: no. */
  readonly live?: boolean;
}

/** Serves the explorer over a finished run until `close()`. Throws `missing-file`, `bad-file`, `no-data` for a broken run, `usage` for a port in use. */
export async function serveExplorer(options: ExplorerOptions): Promise<Served> {
  const run = await openRun(options.run);
  const page = await pageFiles();
  const live = options.live === true ? await LiveSession.open(run) : undefined;
  try {
    const app = explorerApp(run, { page, host: options.host ?? '127.0.0.1', ...(live === undefined ? {} : { live }) });
    const served = await listen(app, options);
    return {
      url: served.url,
      close: async () => {
        await served.close();
        live?.dispose();
      },
    };
  } catch (error) {
    live?.dispose();
    throw error;
  }
}

import { serve } from '@hono/node-server';
import { isSalmonError, SalmonError } from '@salmon-sae/dataflow';
import type { ErrorHandler, Hono } from 'hono';
import type { PageFile } from './page-files.js';

export interface Served {
  readonly url: string;
  close(): Promise<void>;
}

export interface Address {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default 127.0.0.1; another address opens the server to the network. */
  readonly host?: string;
}

/** Starts the app. Throws `usage` for a port that is taken or an address that is not this machine's. */
export async function listen(app: Hono, { port = 0, host = '127.0.0.1' }: Address): Promise<Served> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, port, hostname: host }, (info) => {
      const shown = host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? 'localhost' : host;
      resolve({
        url: `http://${shown}:${info.port}/`,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            if ('closeAllConnections' in server) server.closeAllConnections();
          }),
      });
    });
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const todo = cause.code === 'EADDRINUSE' ? 'Choose another port' : 'Choose an address of this machine';
      reject(new SalmonError('usage', { what: 'The server cannot listen', where: `${host}:${port}`, expected: 'a free port', got: cause.code ?? cause.message, todo }, { cause }));
    });
  });
}

/** The page's files under their names, `/` being `index`. */
export function servePage(app: Hono, files: ReadonlyMap<string, PageFile>, index: string): void {
  app.get('*', (c) => {
    const name = c.req.path === '/' ? index : c.req.path.slice(1);
    const file = files.get(name);
    if (file === undefined || (file.path.endsWith('.html') && file.path !== index)) return c.json({ error: 'There is nothing here.' }, 404);
    return c.body(file.bytes, 200, { 'Content-Type': file.type });
  });
}

/** Errors a person can act on are said in words; others say nothing of the machine's inside, and go to the server's own error output. */
export const answerError: ErrorHandler = (error, c) => {
  if (isSalmonError(error)) return c.json({ error: error.message }, error.code === 'usage' || error.code === 'bad-config' ? 400 : 500);
  process.emitWarning(error);
  return c.json({ error: 'The server failed while answering; what it printed says more.' }, 500);
};

import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SalmonError } from '@salmon-sae/dataflow';
import { sha256File } from './hash-file.js';
import type { OnSetupProgress } from './setup-progress.js';
import { stageMeter } from './setup-progress.js';

export interface DownloadOptions {
  readonly sha256?: string;
  /** Give up when the server has not answered, or has sent nothing, for this long. */
  readonly stallMs?: number;
  readonly onProgress?: OnSetupProgress;
}

/** Fetches a URL into a file and checks its length (as announced) and hash; removes the file where a check fails. */
export async function download(url: string, file: string, options: DownloadOptions = {}): Promise<void> {
  try {
    await fetchInto(url, file, options);
    if (options.sha256 !== undefined) await checkSha256(file, options.sha256, url);
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

export async function checkSha256(file: string, expected: string, from: string): Promise<void> {
  const got = await sha256File(file);
  if (got === expected) return;
  throw new SalmonError('bad-file', {
    what: 'A downloaded file is not the expected one',
    where: from,
    expected: `sha256 ${expected}`,
    got: `sha256 ${got}`,
    todo: 'Try again; if it stays so, something between this machine and the server alters files',
  });
}

async function fetchInto(url: string, file: string, options: DownloadOptions): Promise<void> {
  const stallMs = options.stallMs ?? 20_000;
  const abort = new AbortController();
  let timer = setTimeout(() => abort.abort(), stallMs);
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(), stallMs);
  };
  let done = 0;
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`);
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    const total = Number.isFinite(length) ? length : undefined;
    const meter = stageMeter(`downloading ${url}`, 'bytes', {
      ...(total === undefined ? {} : { total }),
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    });
    const counted = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        alive();
        done += chunk.length;
        meter.at(done);
        yield chunk;
      }
    };
    await pipeline(Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]), counted, createWriteStream(file));
    if (total !== undefined && done !== total) throw new Error(`the connection closed after ${done} of ${total} bytes`);
  } catch (cause) {
    const got = abort.signal.aborted ? `nothing for ${stallMs / 1000} s` : reason(cause);
    throw new SalmonError('network', { what: 'A download failed', where: url, got, todo: 'Check the connection or a proxy setting' }, { cause });
  } finally {
    clearTimeout(timer);
  }
}

function reason(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}

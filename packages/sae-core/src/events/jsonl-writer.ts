import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { dirname } from 'node:path';
import { SalmonError } from '@salmon-sae/dataflow';
import type { TrainEvent } from '../train-event.js';

/** Writes training events, one JSON object a line; the weights of `done` events are left out. Close it when done. */
export class JsonlWriter {
  private readonly stream: WriteStream;
  private failure: Error | undefined;
  private readonly path: string;

  /** Appends to the file, making its folder where needed. */
  constructor(path: string) {
    this.path = path;
    mkdirSync(dirname(path), { recursive: true });
    this.stream = createWriteStream(path, { flags: 'a' });
    this.stream.on('error', (error) => (this.failure = error));
  }

  /** @throws SalmonError bad-file where an earlier line could not be written */
  write(event: TrainEvent): void {
    this.check();
    this.stream.write(`${JSON.stringify(eventRecord(event))}\n`);
  }

  async close(): Promise<void> {
    this.stream.end();
    await finished(this.stream).catch((error: Error) => (this.failure ??= error));
    this.check();
  }

  private check(): void {
    if (this.failure === undefined) return;
    throw new SalmonError('bad-file', { what: `The event log cannot be written: ${this.failure.message}`, where: this.path }, { cause: this.failure });
  }
}

/** An event as plain JSON: a `done` event's state is reduced to its configuration, scale and provenance. */
export function eventRecord(event: TrainEvent): Readonly<Record<string, unknown>> {
  if (event.kind !== 'done') return { ...event };
  const { config, scale, site, trained } = event.state;
  return { ...event, state: { config, scale, site, trained } };
}

import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '@salmon-sae/dataflow';
import { contentHash, isSalmonError, SalmonError, writeFileAtomic } from '@salmon-sae/dataflow';
import type { Listener } from './event.js';

/**
 * A run directory and its stages. A stage has a key: the hash of everything that determines its result (its settings
 * and the keys of the stages it reads). A finished stage leaves `stages/<name>.json` with its key and result, written
 * last and atomically; a later run with the same key keeps it, any other key does it again. So a killed run continues
 * where it was, and a changed configuration redoes only what depends on the change.
 */
export class RunDirectory {
  constructor(
    readonly path: string,
    private readonly listener: Listener,
  ) {}

  /** Opens or creates the directory; refuses one that holds something else. */
  static async open(path: string, listener: Listener): Promise<RunDirectory> {
    await mkdir(join(path, 'stages'), { recursive: true });
    return new RunDirectory(path, listener);
  }

  file(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  /**
   * Returns the stage's stored result when its key matches, else does the work. `work` gets a clean folder
   * `<run>/<name>` (left-overs of an interrupted attempt with another key removed; with the same key they stay, so that
   * work with checkpoints of its own can go on).
   */
  async stage<T extends Json>(name: string, inputs: Json, work: (folder: string) => Promise<T>): Promise<Stage<T>> {
    const key = contentHash({ name, inputs });
    const marker = this.file('stages', `${name.replaceAll('/', '.')}.json`);
    const folder = this.file(name);
    const stored = await readStage<T>(marker);
    if (stored !== undefined && stored.key === key && stored.done) {
      this.listener({ kind: 'stage', stage: name, state: 'kept' });
      return { key, result: stored.result as T, seconds: stored.seconds };
    }
    if (stored === undefined || stored.key !== key) {
      await rm(folder, { recursive: true, force: true });
      await writeFileAtomic(marker, JSON.stringify({ key, done: false }));
    }
    this.listener({ kind: 'stage', stage: name, state: 'start' });
    const started = performance.now();
    const result = await work(folder);
    const seconds = (performance.now() - started) / 1000;
    await writeFileAtomic(marker, JSON.stringify({ key, done: true, seconds, result }, null, 1));
    this.listener({ kind: 'stage', stage: name, state: 'done', seconds });
    return { key, result, seconds };
  }

  /** Appends one line to the run's event log. */
  async log(event: Json): Promise<void> {
    await appendFile(this.file('events.jsonl'), `${JSON.stringify(event)}\n`);
  }
}

export interface Stage<T> {
  readonly key: string;
  readonly result: T;
  readonly seconds: number;
}

interface StoredStage<T> {
  readonly key: string;
  readonly done: boolean;
  readonly seconds: number;
  readonly result?: T;
}

async function readStage<T>(path: string): Promise<StoredStage<T> | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(await readFile(path, 'utf8')) as StoredStage<T>;
  } catch (cause) {
    if (isSalmonError(cause)) throw cause;
    throw new SalmonError(
      'bad-file',
      { what: 'A stage record of the run cannot be read', where: path, todo: 'Delete this file: its stage is then done again' },
      { cause },
    );
  }
}

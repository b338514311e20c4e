import type { Cursor, Json, Site } from '@salmon-sae/dataflow';
import { SalmonError, isSalmonError } from '@salmon-sae/dataflow';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckpointEvent } from '../train-event.js';
import type { ResolvedSpec } from '../train/train-spec.js';
import type { TrainerSnapshot } from '../train/trainer.js';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint-file.js';
import { differences } from './difference.js';

export interface CheckpointOptions {
  /** Steps between checkpoints. */
  readonly everySteps: number;
  /** How many of the newest to keep; default 2. */
  readonly keep?: number;
  /** What identifies the data (paths, hashes, harvest configuration); resuming with another value is refused. */
  readonly data?: Json;
  readonly versions?: Readonly<Record<string, string>>;
  /** False: ignore what is there and start anew. Default true. */
  readonly resume?: boolean;
}

/** Where a run stands and what it trained on. */
export interface ResumePoint {
  readonly snapshot: TrainerSnapshot;
  readonly site: Site;
  readonly outWidth: number;
}

interface Place {
  readonly site: Site;
  readonly outWidth: number;
}

const NAME = /^step-(\d{9})$/;
const LEFTOVER = /^\.step-\d{9}\..*\.(tmp|old)$/;

/**
 * A folder of checkpoints, `step-000000600/{checkpoint.json,tensors.safetensors}`, each written whole or not at all. Opening reads the
 * newest readable one; open your source at `cursor`, then pass the store to `train`. Writing happens in the background, one at a time;
 * await `settled()` before the process exits.
 */
export class CheckpointStore {
  private readonly folder: string;
  private readonly options: CheckpointOptions;
  private readonly newest: Checkpoint | undefined;
  private pending: { readonly snapshot: TrainerSnapshot; readonly configs: readonly ResolvedSpec[]; readonly place: Place } | undefined;
  private writing: Promise<void> | undefined;
  private failure: unknown;
  private events: CheckpointEvent[] = [];
  private lastStep: number;

  private constructor(folder: string, options: CheckpointOptions, newest: Checkpoint | undefined) {
    this.folder = folder;
    this.options = options;
    this.newest = newest;
    this.lastStep = newest?.header.step ?? 0;
  }

  /** @throws SalmonError bad-file where checkpoints exist and none can be read */
  static async open(folder: string, options: CheckpointOptions): Promise<CheckpointStore> {
    await mkdir(folder, { recursive: true });
    await removeLeftovers(folder);
    const newest = options.resume === false ? undefined : await newestReadable(folder);
    return new CheckpointStore(folder, options, newest);
  }

  /** Step of the checkpoint that the run will go on from; undefined: from the start. */
  get step(): number | undefined {
    return this.newest?.header.step;
  }

  /** Where to open the source. */
  get cursor(): Cursor | undefined {
    return this.newest?.header.cursor ?? undefined;
  }

  /**
   * The newest checkpoint, if it is of the same run.
   * @throws SalmonError conflict, naming every field that differs
   */
  resume(specs: readonly ResolvedSpec[]): ResumePoint | undefined {
    if (this.newest === undefined) return undefined;
    const { header, snapshot } = this.newest;
    const now = { configs: plain(specs.map((s) => s.config)), data: this.options.data ?? null };
    const changed = differences({ configs: header.configs, data: header.data }, now);
    if (changed.length > 0) {
      throw new SalmonError('conflict', {
        what: `The checkpoint is of another run: ${changed.join('; ')}`,
        where: this.folder,
        todo: 'Use another output folder, or restore the configuration and data it was begun with',
      });
    }
    return { snapshot, site: header.site, outWidth: header.outWidth };
  }

  due(step: number): boolean {
    return step > this.lastStep && step % this.options.everySteps === 0;
  }

  /** Queues a snapshot for writing; one that still waits for the disk is replaced. */
  save(specs: readonly ResolvedSpec[], snapshot: TrainerSnapshot, place: Place): void {
    this.lastStep = stepOf(snapshot);
    this.pending = { configs: specs, snapshot, place };
    this.writing ??= this.drain();
  }

  /** Resolves once nothing is left to write. @throws what a write failed with */
  async settled(): Promise<void> {
    while (this.writing !== undefined) await this.writing;
    this.rethrow();
  }

  /** Checkpoints written since the last call. @throws what a write failed with */
  takeEvents(): readonly CheckpointEvent[] {
    this.rethrow();
    const events = this.events;
    this.events = [];
    return events;
  }

  private rethrow(): void {
    if (this.failure === undefined) return;
    const failure = this.failure;
    this.failure = undefined;
    throw failure;
  }

  private async drain(): Promise<void> {
    try {
      while (this.pending !== undefined) {
        const { configs, snapshot, place } = this.pending;
        this.pending = undefined;
        await this.write(configs, snapshot, place);
      }
    } catch (error) {
      this.failure = error;
    } finally {
      this.writing = undefined;
    }
  }

  private async write(specs: readonly ResolvedSpec[], snapshot: TrainerSnapshot, place: Place): Promise<void> {
    const step = stepOf(snapshot);
    const path = join(this.folder, `step-${String(step).padStart(9, '0')}`);
    const learners = Object.entries(snapshot.learners);
    const tokens = Math.max(...learners.map(([, l]) => l.tokens));
    await writeCheckpoint(
      path,
      {
        step,
        tokens,
        ...place,
        cursor: snapshot.cursor ?? null,
        data: this.options.data ?? null,
        configs: plain(specs.map((s) => s.config)),
        learners: Object.fromEntries(learners.map(([id, l]) => [id, { step: l.step, tokens: l.tokens, scales: l.scales, firstBad: l.firstBad }])),
        versions: this.options.versions ?? {},
      },
      snapshot,
    );
    this.events.push({ kind: 'checkpoint', step, tokens, path });
    await prune(this.folder, this.options.keep ?? 2);
  }
}

function stepOf(snapshot: TrainerSnapshot): number {
  return Math.max(...Object.values(snapshot.learners).map((l) => l.step));
}

function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

async function checkpointNames(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder);
  return names.filter((name) => NAME.test(name)).sort().reverse();
}

/** Half-written checkpoints of a process that was killed. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (LEFTOVER.test(name)) await rm(join(folder, name), { recursive: true, force: true });
}

async function newestReadable(folder: string): Promise<Checkpoint | undefined> {
  let first: unknown;
  for (const name of await checkpointNames(folder)) {
    try {
      return await readCheckpoint(join(folder, name));
    } catch (error) {
      if (!isSalmonError(error) || error.code === 'unsupported') throw error;
      first ??= error;
    }
  }
  if (first !== undefined) throw first;
  return undefined;
}

async function prune(folder: string, keep: number): Promise<void> {
  for (const name of (await checkpointNames(folder)).slice(Math.max(1, keep))) await rm(join(folder, name), { recursive: true, force: true });
}

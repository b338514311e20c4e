import type { Cursor, Json, NdArray, Site } from '@salmon-sae/dataflow';
import { SalmonError, contentHash, writeDirectoryAtomic } from '@salmon-sae/dataflow';
import { openSafetensors, writeSafetensors, type SafetensorsReader } from '@salmon-sae/dataflow/safetensors';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArrayMap } from '../architectures/architecture.js';
import type { LearnerSnapshot } from '../train/learner.js';
import type { TrainConfig } from '../train/train-spec.js';
import type { TrainerSnapshot } from '../train/trainer.js';

/** Version of the layout below; readers refuse others. */
export const CHECKPOINT_FORMAT = 1;

/** checkpoint.json: everything but the tensors. */
export interface CheckpointHeader {
  readonly format: number;
  readonly step: number;
  readonly tokens: number;
  readonly site: Site;
  readonly outWidth: number;
  /** Where the data goes on; null: a source without positions. */
  readonly cursor: Cursor | null;
  /** What identifies the data, as the caller gave it. */
  readonly data: Json;
  readonly configs: readonly TrainConfig[];
  /** Random draws are keyed by seed, purpose and step, so the seeds in `configs` and `steps` here are their whole state. */
  readonly learners: Readonly<Record<string, Pick<LearnerSnapshot, 'step' | 'tokens' | 'scales' | 'firstBad'>>>;
  readonly versions: Readonly<Record<string, string>>;
  /** SHA-256 of the parts above. */
  readonly hash: string;
}

export interface Checkpoint {
  readonly header: CheckpointHeader;
  readonly snapshot: TrainerSnapshot;
}

const GROUPS = ['params', 'slots', 'state'] as const;

/** Writes `checkpoint.json` and `tensors.safetensors` into a folder that appears whole or not at all. */
export async function writeCheckpoint(path: string, header: Omit<CheckpointHeader, 'hash' | 'format'>, snapshot: TrainerSnapshot): Promise<void> {
  const tensors: Record<string, NdArray | { shape: readonly number[]; data: Int32Array }> = {};
  for (const [id, learner] of Object.entries(snapshot.learners)) {
    for (const group of GROUPS) for (const [name, array] of Object.entries(learner[group])) tensors[`${id}/${group}/${name}`] = array;
    tensors[`${id}/silence`] = learner.silence;
  }
  const body = { format: CHECKPOINT_FORMAT, ...header };
  const full: CheckpointHeader = { ...body, hash: contentHash(body) };
  await writeDirectoryAtomic(path, async (folder) => {
    await writeSafetensors(join(folder, 'tensors.safetensors'), tensors);
    await writeFile(join(folder, 'checkpoint.json'), `${JSON.stringify(full, undefined, 1)}\n`);
  });
}

/** @throws SalmonError missing-file, bad-file, unsupported */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const header = await readHeader(path);
  const reader = await openSafetensors(join(path, 'tensors.safetensors'));
  try {
    const learners: Record<string, LearnerSnapshot> = {};
    for (const [id, own] of Object.entries(header.learners)) {
      const groups = await Promise.all(GROUPS.map((group) => readGroup(reader, `${id}/${group}/`)));
      const [params, slots, state] = groups as [ArrayMap, ArrayMap, ArrayMap];
      learners[id] = { ...own, params, slots, state, silence: await reader.readInt32(`${id}/silence`) };
    }
    return { header, snapshot: { learners, cursor: header.cursor ?? undefined } };
  } finally {
    await reader.close();
  }
}

async function readHeader(path: string): Promise<CheckpointHeader> {
  const file = join(path, 'checkpoint.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new SalmonError('missing-file', { what: 'The checkpoint has no header', where: file }, { cause });
  }
  let header: CheckpointHeader;
  try {
    header = JSON.parse(text) as CheckpointHeader;
  } catch (cause) {
    throw new SalmonError('bad-file', { what: 'The header of the checkpoint is not JSON', where: file }, { cause });
  }
  if (header.format !== CHECKPOINT_FORMAT) {
    throw new SalmonError('unsupported', { what: 'The checkpoint has another format', where: file, expected: `format ${CHECKPOINT_FORMAT}`, got: String(header.format), todo: 'Train again, or resume with the version that wrote it' });
  }
  const { hash, ...body } = header;
  if (contentHash(body) !== hash) throw new SalmonError('bad-file', { what: 'The header of the checkpoint does not match its own hash', where: file, todo: 'Delete this checkpoint; an older one will be used' });
  return header;
}

async function readGroup(reader: SafetensorsReader, prefix: string): Promise<ArrayMap> {
  const out: Record<string, NdArray> = {};
  for (const name of reader.names) if (name.startsWith(prefix)) out[name.slice(prefix.length)] = await reader.read(name);
  return out;
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { useBackend } from '@salmon-sae/compute';
import { residualOf } from '@salmon-sae/boosting-residual';
import { run as runToEnd, SalmonError } from '@salmon-sae/dataflow';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { CheckpointStore, JsonlWriter, loadSae, openSae, saveSae, TensorBoardWriter, train } from '@salmon-sae/sae-core';
import type { ArrayMap, TrainEvent, TrainOptions, TrainSpec } from '@salmon-sae/sae-core';
import type { TrainingFile } from './training-file.js';
import { openTrainingRows } from './training-rows.js';

export interface TrainingResult {
  readonly out: string;
  readonly saes: readonly { readonly id: string; readonly path: string; readonly steps: number; readonly tokens: number }[];
}

/** Runs a training file to its end: SAELens folders, one JSON line per logged step, checkpoints to go on from. */
export async function runTraining(
  file: TrainingFile,
  options: { readonly onEvent?: (event: TrainEvent, batches: number | undefined) => void; readonly signal?: AbortSignal } = {},
): Promise<TrainingResult> {
  await useBackend();
  const rows = await openTrainingRows(file.data);
  const base = file.base === undefined ? undefined : openSae(await loadSae(file.base));
  try {
    await mkdir(file.out, { recursive: true });
    const checkpoints = await CheckpointStore.open(join(file.out, 'checkpoints'), {
      ...file.checkpoints,
      data: { rows: rows.identity, base: file.base ?? null },
    });
    const trainOptions: TrainOptions = {
      training: file.training as NonNullable<TrainOptions['training']>,
      checkpoints,
      initial: await initialWeights(file),
    };
    const writers = [new JsonlWriter(join(file.out, 'steps.jsonl')), ...(file.tensorboard ? [new TensorBoardWriter(join(file.out, 'tensorboard'))] : [])];
    const saes: { id: string; path: string; steps: number; tokens: number }[] = [];
    const done: Extract<TrainEvent, { kind: 'done' }>[] = [];
    const source = rows.open(checkpoints.step ?? 0);
    try {
      await runToEnd((base === undefined ? source : source.pipe(residualOf(base))).pipe(train(file.saes as readonly TrainSpec[], trainOptions)), {
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        onEvent: (event) => {
          for (const writer of writers) writer.write(event);
          options.onEvent?.(event, rows.batches);
          if (event.kind === 'done') done.push(event);
        },
      });
    } finally {
      // An interruption leaves a last checkpoint on its way to the disk.
      await checkpoints.settled();
      for (const writer of writers) await writer.close();
    }
    for (const event of done) {
      const path = join(file.out, event.sae);
      await saveSae(event.state, path);
      saes.push({ id: event.sae, path, steps: event.step, tokens: event.tokens });
    }
    return { out: file.out, saes };
  } finally {
    base?.dispose();
    rows.dispose();
  }
}

async function initialWeights(file: TrainingFile): Promise<Record<string, ArrayMap>> {
  const out: Record<string, ArrayMap> = {};
  for (const [id, { path, prefix }] of Object.entries(file.initial)) {
    const tensors = await openSafetensors(path);
    try {
      const names = tensors.names.filter((name) => name.startsWith(prefix));
      if (names.length === 0) {
        throw new SalmonError('bad-file', { what: 'The file of initial weights has no such tensors', where: path, expected: `names that begin with "${prefix}"`, got: tensors.names.slice(0, 8).join(', ') });
      }
      const weights: Record<string, Awaited<ReturnType<typeof tensors.read>>> = {};
      for (const name of names) weights[name.slice(prefix.length)] = await tensors.read(name);
      out[id] = weights;
    } finally {
      await tensors.close();
    }
  }
  return out;
}

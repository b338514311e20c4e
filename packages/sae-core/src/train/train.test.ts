import { tf, useBackend } from '@salmon-sae/compute';
import type { ActivationBatch, SaeState } from '@salmon-sae/dataflow';
import { random } from '@salmon-sae/dataflow';
import { firstValueFrom, from, toArray } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { jumprelu } from '../architectures/jumprelu.js';
import type { DoneEvent, StepEvent, TrainEvent } from '../train-event.js';
import { train } from './train.js';

beforeAll(async () => {
  await useBackend();
});

/** Batches of sparse combinations of 24 planted directions in 12 dimensions. */
export function plantedBatches(count: number, rows: number): ActivationBatch[] {
  const width = 12;
  const features = 24;
  const generator = random(7, 'planted');
  const directions = Array.from({ length: features }, () => {
    const v = Array.from({ length: width }, () => generator.normal());
    const norm = Math.hypot(...v);
    return v.map((x) => x / norm);
  });
  return Array.from({ length: count }, (_, b) => {
    const values = new Float32Array(rows * width);
    for (let r = 0; r < rows; r++) {
      for (let n = 0; n < 3; n++) {
        const d = directions[generator.below(features)]!;
        const strength = 4 + 4 * generator.next();
        for (let i = 0; i < width; i++) values[r * width + i]! += strength * d[i]!;
      }
    }
    const nothing = new Int32Array(rows);
    return {
      site: { model: 'planted', hook: 'resid_post.0', width },
      rows,
      values,
      origin: { tokenId: nothing, position: nothing, doc: nothing, docs: ['d'], domains: ['x'] },
      cursor: { source: 'planted', shard: 0, row: (b + 1) * rows },
    };
  });
}

const ofKind = <K extends TrainEvent['kind']>(events: readonly TrainEvent[], kind: K): Extract<TrainEvent, { kind: K }>[] =>
  events.filter((e): e is Extract<TrainEvent, { kind: K }> => e.kind === kind);

const training = { steps: 120, batch: 64, learningRate: 3e-3, normalizeBatches: 3, logEvery: 10 };

function bytes(state: SaeState): string {
  return Object.entries(state.weights)
    .map(([name, w]) => `${name}:${Buffer.from(w.data.buffer, w.data.byteOffset, w.data.byteLength).toString('base64')}`)
    .join('\n');
}

describe('train', () => {
  it('lowers the loss, and the L0 towards its target, on planted data, without leaving tensors behind', async () => {
    const before = tf.memory().numTensors;
    const spec = jumprelu({ latents: 32, targetL0: 4, bandwidth: 0.05, initThreshold: 0.05 });
    const events = await firstValueFrom(from(plantedBatches(150, 64)).pipe(train(spec, { training: { ...training, steps: 400 } }), toArray()));
    const steps: StepEvent[] = ofKind(events, 'step');
    const done: DoneEvent[] = ofKind(events, 'done');
    expect(done).toHaveLength(1);
    expect(done[0]!.step).toBe(150);
    expect(steps.at(-1)!.loss).toBeLessThan(steps[0]!.loss / 2);
    expect(steps.at(-1)!.fve).toBeGreaterThan(0.5);
    expect(done[0]!.state.config.kind).toBe('jumprelu');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('trains several SAEs on one stream with exactly the bytes of training each alone', async () => {
    const a = { id: 'a', sae: jumprelu({ latents: 32, targetL0: 4 }) };
    const b = { id: 'b', sae: jumprelu({ latents: 48, targetL0: 6 }), training: { seed: 3, normalizeBatches: 7 } };
    const run = async (specs: readonly (typeof a | typeof b)[]): Promise<Record<string, string>> => {
      const events = await firstValueFrom(from(plantedBatches(125, 64)).pipe(train(specs, { training }), toArray()));
      return Object.fromEntries(ofKind(events, 'done').map((e) => [e.sae, bytes(e.state)]));
    };
    const together = await run([a, b]);
    expect(together).toEqual({ ...(await run([a])), ...(await run([b])) });
    expect(Object.keys(together)).toEqual(['a', 'b']);
  });
});

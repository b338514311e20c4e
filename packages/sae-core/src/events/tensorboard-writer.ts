import { tf } from '@salmon-sae/compute';
import { SalmonError } from '@salmon-sae/dataflow';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StepEvent, TrainEvent } from '../train-event.js';

/** The summary methods of tfjs-node's backend (what its `tf.node.summaryFileWriter` is made of). */
interface SummaryBackend {
  summaryWriter(name: string): tf.Tensor;
  createSummaryFileWriter(handle: tf.Tensor, folder: string, maxQueue: number, flushMillis: number, suffix: string): void;
  writeScalarSummary(handle: tf.Tensor, step: number, name: string, value: number): void;
  flushSummaryWriter(handle: tf.Tensor): void;
  executeMultipleOutputs(op: string, attributes: readonly unknown[], inputs: readonly tf.Tensor[], outputs: number): unknown;
}

const QUEUE = 100;
const FLUSH_MILLISECONDS = 10_000;

/**
 * Writes step events as TensorBoard event files, one folder per SAE below `folder`: loss, its parts, L0, FVE, dead latents, gradient norm and
 * learning rate. Needs the tensorflow backend. Close it when done.
 * @throws SalmonError engine on other backends
 */
export class TensorBoardWriter {
  private readonly folder: string;
  private readonly backend: SummaryBackend;
  private readonly handles = new Map<string, tf.Tensor>();

  constructor(folder: string) {
    const backend = tf.backend() as unknown as Partial<SummaryBackend>;
    if (typeof backend.createSummaryFileWriter !== 'function') {
      throw new SalmonError('engine', { what: 'TensorBoard files need the tensorflow backend', expected: 'tensorflow', got: tf.getBackend(), todo: 'Use the JSONL log instead' });
    }
    this.folder = folder;
    this.backend = backend as SummaryBackend;
  }

  write(event: TrainEvent): void {
    if (event.kind !== 'step') return;
    const handle = this.handleFor(event.sae);
    tf.tidy(() => {
      for (const [name, value] of scalars(event)) this.backend.writeScalarSummary(handle, event.step, name, value);
    });
  }

  close(): void {
    for (const handle of this.handles.values()) {
      this.backend.flushSummaryWriter(handle);
      this.backend.executeMultipleOutputs('CloseSummaryWriter', [], [handle], 0);
      handle.dispose();
    }
    this.handles.clear();
  }

  private handleFor(sae: string): tf.Tensor {
    const open = this.handles.get(sae);
    if (open !== undefined) return open;
    const folder = join(this.folder, sae);
    mkdirSync(folder, { recursive: true });
    const handle = tf.tidy(() => {
      const made = tf.keep(this.backend.summaryWriter(folder));
      this.backend.createSummaryFileWriter(made, folder, QUEUE, FLUSH_MILLISECONDS, '.v2');
      return made;
    });
    this.handles.set(sae, handle);
    return handle;
  }
}

/** Tag and value of everything numeric in a step event. */
function scalars(event: StepEvent): readonly (readonly [string, number])[] {
  return [
    ['loss/total', event.loss],
    ...Object.entries(event.parts).map(([name, value]) => [`loss/${name}`, value] as const),
    ['sparsity/l0', event.l0],
    ['sparsity/dead', event.deadLatents],
    ['quality/fve', event.fve],
    ['optimizer/gradient_norm', event.gradNorm],
    ['optimizer/learning_rate', event.learningRate],
  ];
}

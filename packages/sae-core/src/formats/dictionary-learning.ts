import { dirname, join } from 'node:path';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Json, NdArray, SaeState } from '@salmon-sae/dataflow';
import { z } from 'zod';
import { readJsonObject } from './read-json.js';
import { checkStored, transpose } from './sae-source.js';
import type { SaeSource } from './sae-source.js';
import { openTorchFile } from './torch-file.js';
import type { TorchReader } from './torch-file.js';

export const DICTIONARY_LEARNING_FILE = 'ae.pt';

/** A class of dictionary_learning: its tensors, and what they are here. */
interface DictClass {
  readonly kind: 'standard' | 'jumprelu' | 'topk' | 'gated';
  readonly subtracts: boolean;
  /** Stored name -> name here; `.T` marks one that is stored the other way round. */
  readonly tensors: Readonly<Record<string, string>>;
  /** Present in some versions, not needed. */
  readonly optional?: readonly string[];
  /** One threshold for all latents. */
  readonly scalarThreshold?: boolean;
}

const LINEAR = { 'encoder.weight': 'W_enc.T', 'encoder.bias': 'b_enc', 'decoder.weight': 'W_dec.T' };
const FLAT = { W_enc: 'W_enc', b_enc: 'b_enc', W_dec: 'W_dec', b_dec: 'b_dec' };

const CLASSES: Readonly<Record<string, DictClass>> = {
  AutoEncoder: { kind: 'standard', subtracts: true, tensors: { ...LINEAR, bias: 'b_dec' } },
  // The decoder carries the bias, and the input is taken as it is.
  AutoEncoderNew: { kind: 'standard', subtracts: false, tensors: { ...LINEAR, 'decoder.bias': 'b_dec' } },
  AutoEncoderTopK: { kind: 'topk', subtracts: true, tensors: { ...LINEAR, b_dec: 'b_dec' }, optional: ['k', 'threshold'] },
  // At evaluation relu(pre) * (relu(pre) > threshold) takes the place of the choice over the batch; -1: not set, plain relu.
  BatchTopKSAE: { kind: 'jumprelu', subtracts: true, tensors: { ...LINEAR, b_dec: 'b_dec' }, optional: ['k'], scalarThreshold: true },
  MatryoshkaBatchTopKSAE: { kind: 'jumprelu', subtracts: true, tensors: FLAT, optional: ['k', 'group_sizes'], scalarThreshold: true },
  JumpReluAutoEncoder: { kind: 'jumprelu', subtracts: false, tensors: { ...FLAT, threshold: 'threshold' } },
  GatedAutoEncoder: {
    kind: 'gated',
    subtracts: true,
    tensors: { 'encoder.weight': 'W_enc.T', 'decoder.weight': 'W_dec.T', decoder_bias: 'b_dec', gate_bias: 'b_gate', mag_bias: 'b_mag', r_mag: 'r_mag' },
  },
};

const trainer = z.object({
  dict_class: z.string(),
  activation_dim: z.int().positive(),
  dict_size: z.int().positive(),
  k: z.int().positive().optional(),
  layer: z.int().nonnegative().nullish(),
  lm_name: z.string().nullish(),
  submodule_name: z.string().nullish(),
});

/**
 * Opens dictionary_learning's ae.pt (or a checkpoint beside the same config.json) without executing anything in it.
 * @throws SalmonError `unknown-architecture` for a class that is not read, `bad-config`, `bad-file` or `bad-shape` naming the tensor.
 */
export async function openDictionaryLearning(file: string): Promise<SaeSource> {
  const where = join(dirname(file), 'config.json');
  const parsed = trainer.safeParse((await readJsonObject(where))['trainer']);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new SalmonError('bad-config', { what: `dictionary_learning config: ${issue?.message ?? 'invalid'}`, where: `${where}: trainer.${issue?.path.join('.') ?? ''}` });
  }
  const cfg = parsed.data;
  const layout = Object.hasOwn(CLASSES, cfg.dict_class) ? CLASSES[cfg.dict_class] : undefined;
  if (layout === undefined) {
    throw new SalmonError('unknown-architecture', { what: 'dictionary_learning class is not read', where: `${where}: trainer.dict_class`, expected: Object.keys(CLASSES).join(', '), got: cfg.dict_class });
  }
  if (layout.kind === 'topk' && cfg.k === undefined) throw new SalmonError('bad-config', { what: 'A top-k SAE needs k', where: `${where}: trainer.k`, expected: 'a whole number', got: 'nothing' });
  const { activation_dim: d, dict_size: F } = cfg;
  const reader = await openTorchFile(file);
  try {
    checkStored(reader.tensors, shapesOf(layout, d, F), { where: file, optional: layout.optional ?? [] });
    const config: SaeState['config'] = {
      kind: layout.kind,
      d_in: d,
      d_sae: F,
      apply_b_dec_to_input: layout.subtracts,
      ...(layout.kind === 'topk' ? { k: cfg.k ?? 1 } : {}),
    };
    return {
      format: 'dictionary_learning',
      config,
      site: { model: cfg.lm_name ?? '', hook: typeof cfg.layer === 'number' ? `resid_post.${cfg.layer}` : '', width: d },
      facts: { dict_class: cfg.dict_class, submodule_name: cfg.submodule_name ?? null } satisfies Record<string, Json>,
      tensors: reader.tensors,
      weights: () => readWeights(reader, layout, F),
      close: () => reader.close(),
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

function shapesOf(layout: DictClass, d: number, F: number): Record<string, readonly number[]> {
  const known: Readonly<Record<string, readonly number[]>> = { W_enc: [d, F], W_dec: [F, d], b_dec: [d] };
  const shapes: Record<string, readonly number[]> = layout.scalarThreshold === true ? { threshold: [] } : {};
  for (const [stored, name] of Object.entries(layout.tensors)) {
    const turned = name.endsWith('.T');
    const shape = known[turned ? name.slice(0, -2) : name] ?? [F];
    shapes[stored] = turned ? [...shape].reverse() : shape;
  }
  return shapes;
}

async function readWeights(reader: TorchReader, layout: DictClass, F: number): Promise<Record<string, NdArray>> {
  const weights: Record<string, NdArray> = {};
  for (const [stored, name] of Object.entries(layout.tensors)) {
    const array = await reader.read(stored);
    if (name.endsWith('.T')) weights[name.slice(0, -2)] = transpose(array);
    else weights[name] = array;
  }
  if (layout.scalarThreshold === true) {
    const value = (await reader.read('threshold')).data[0] ?? 0;
    weights['threshold'] = { shape: [F], data: new Float32Array(F).fill(value) };
  }
  return weights;
}

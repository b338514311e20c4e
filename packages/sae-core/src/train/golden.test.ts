import { tf, useBackend } from '@salmon-sae/compute';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ArchitectureConfig, ArrayMap } from '../architectures/architecture.js';
import { ARCHITECTURES } from '../architectures/architectures.js';
import { AUX_SAELENS } from '../architectures/aux-k.js';
import type { StepEvent } from '../train-event.js';
import { resolveSpecs } from './train-spec.js';
import { Trainer } from './trainer.js';
import type { TrainingOptions } from './training-config.js';

/*
 * Replays training runs of SAELens 6.45.3 and dictionary_learning 60ec6bf: 20 steps of batch 32 on d = 16, 64 latents. Losses by part, L0, gradient norm
 * before clipping, learning rate, inference threshold, and all parameters after steps 1 and 20.
 */
const TOLERANCE = 1e-4;
const folder = join(import.meta.dirname, '../../test/fixtures');

interface GoldenStep {
  readonly lr: number;
  readonly overall_loss?: number;
  readonly loss?: number;
  readonly losses?: Readonly<Record<string, number>>;
  readonly l0?: number;
  readonly grad_norm_before_clip: number;
  readonly topk_threshold_after?: number;
  readonly threshold_after?: number;
  readonly n_dead_before?: number;
}

interface Golden {
  readonly trainer_config?: Readonly<Record<string, number | string>>;
  readonly sae_config?: Readonly<Record<string, unknown>>;
  readonly trainer?: Readonly<Record<string, number | string>>;
  readonly steps: readonly GoldenStep[];
}

interface Setup {
  readonly sae: ArchitectureConfig;
  readonly training: Partial<TrainingOptions>;
}

/** SAELens' configuration in our terms. */
function fromSaelens(golden: Golden): Setup {
  const t = golden.trainer_config!;
  const s = golden.sae_config!;
  const lr = Number(t['lr']);
  const l1 = s['l1_warm_up_steps'] ?? s['l0_warm_up_steps'] ?? 0;
  const cosine = t['lr_scheduler_name'] === 'cosineannealing';
  const warm = Number(t['lr_warm_up_steps'] ?? 0);
  const training: Partial<TrainingOptions> = {
    steps: 20,
    batch: 32,
    learningRate: lr,
    beta1: Number(t['adam_beta1'] ?? 0.9),
    beta2: Number(t['adam_beta2'] ?? 0.999),
    lrWarmup: warm,
    lrWarmupShape: 'first-step',
    lrDecay: cosine ? 20 - warm : Number(t['lr_decay_steps'] ?? 0),
    lrDecayShape: cosine ? 'cosine' : 'linear',
    lrEnd: Number(t['lr_end'] ?? 0) / lr,
    sparsityWarmup: Number(l1),
    decoder: 'free',
    normalize: 'none',
    deadAfter: Number(t['dead_feature_window'] ?? 1000),
    deadUnit: 'steps',
    deadRule: 'before-step',
    logEvery: 1,
  };
  const base = {
    latents: Number(s['d_sae']),
    applyDecoderBiasToInput: s['apply_b_dec_to_input'],
    normalizeActivations: s['normalize_activations'],
    decoderBiasInit: 'zero',
  };
  const aux = { ...AUX_SAELENS, coefficient: Number(s['aux_loss_coefficient'] ?? 1) };
  const topk = { ...base, k: Number(s['k']), rescaleByDecoderNorm: s['rescale_acts_by_decoder_norm'], aux };
  const threshold = { rule: 'from-zero', rate: Number(s['topk_threshold_lr'] ?? 0.01), after: 0 };
  const by: Record<string, () => ArchitectureConfig & Record<string, unknown>> = {
    standard: () => ({ kind: 'standard', ...base, l1Coefficient: s['l1_coefficient'], p: s['lp_norm'] }),
    gated: () => ({ kind: 'gated', ...base, l1Coefficient: s['l1_coefficient'], detachAux: false, normWeighted: true }),
    jumprelu: () => ({
      kind: 'jumprelu',
      ...base,
      sparsity: s['jumprelu_sparsity_loss_mode'],
      coefficient: s['l0_coefficient'],
      bandwidth: s['jumprelu_bandwidth'],
      initThreshold: s['jumprelu_init_threshold'],
      thresholdParameter: 'log',
      tanhScale: s['jumprelu_tanh_scale'],
      preActCoefficient: s['pre_act_loss_coefficient'],
    }),
    topk: () => ({ kind: 'topk', ...topk }),
    batchtopk: () => ({ kind: 'batchtopk', ...topk, threshold }),
    matryoshka_batchtopk: () => ({
      kind: 'matryoshka',
      ...topk,
      threshold,
      widths: s['matryoshka_widths'],
      combine: 'sum',
      auxPerLevel: s['use_matryoshka_aux_loss'],
    }),
    matching_pursuit: () => ({
      kind: 'matching_pursuit',
      ...base,
      maxIterations: s['max_iterations'],
      residualThreshold: s['residual_threshold'],
      stopOnDuplicate: s['stop_on_duplicate_support'],
    }),
  };
  return { sae: by[String(s['architecture'])]!(), training };
}

/** dictionary_learning's configuration in our terms; the runs used a dead threshold of 96 tokens. */
function fromDictionaryLearning(golden: Golden): Setup {
  const t = golden.trainer!;
  const jumprelu = t['trainer_class'] === 'JumpReluTrainer';
  const training: Partial<TrainingOptions> = {
    steps: 20,
    batch: 32,
    learningRate: Number(t['lr']),
    beta1: jumprelu ? 0 : 0.9,
    lrWarmup: Number(t['warmup_steps'] ?? 4),
    lrWarmupShape: 'from-zero',
    lrDecay: 20 - Number(t['decay_start'] ?? 14),
    sparsityWarmup: Number(t['sparsity_warmup_steps'] ?? 0),
    decoder: 'unit-norm',
    normalize: 'none',
    deadAfter: 96,
    deadUnit: 'tokens',
    deadRule: 'with-step',
    logEvery: 1,
  };
  if (jumprelu) {
    const sae = {
      kind: 'jumprelu',
      latents: Number(t['dict_size']),
      sparsity: 'quadratic',
      targetL0: t['target_l0'],
      coefficient: t['sparsity_penalty'],
      bandwidth: t['bandwidth'],
      thresholdParameter: 'raw',
      l0SteOn: 'post',
      minThreshold: null,
    };
    return { sae, training };
  }
  const sae = {
    kind: t['trainer_class'] === 'TopKTrainer' ? 'topk' : 'batchtopk',
    latents: Number(t['dict_size']),
    k: t['k'],
    aux: { coefficient: Number(t['auxk_alpha']), k: t['top_k_aux'] ?? null },
    threshold: { rule: 'from-first', rate: 1 - Number(t['threshold_beta']), after: Number(t['threshold_start_step']) },
  };
  return { sae, training };
}

const DL_NAMES: Readonly<Record<string, string>> = { 'decoder.weight': 'W_dec', 'encoder.weight': 'W_enc', 'encoder.bias': 'b_enc' };

async function readPrefixed(path: string, prefix: string): Promise<ArrayMap> {
  const reader = await openSafetensors(path);
  const out: Record<string, { shape: readonly number[]; data: Float32Array }> = {};
  for (const name of reader.names) {
    if (!name.startsWith(prefix)) continue;
    const array = await reader.read(name);
    const peer = name.slice(prefix.length);
    out[DL_NAMES[peer] ?? peer] = peer.endsWith('coder.weight') ? transpose(array) : array;
  }
  await reader.close();
  return out;
}

function transpose({ shape, data }: { shape: readonly number[]; data: Float32Array }): { shape: readonly number[]; data: Float32Array } {
  const [rows, columns] = shape as [number, number];
  const out = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c]!;
  return { shape: [columns, rows], data: out };
}

/** Largest difference, relative to the largest entry. */
function relativeError(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  let worst = 0;
  let size = 1e-12;
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(got[i]! - expected[i]!));
    size = Math.max(size, Math.abs(expected[i]!));
  }
  return worst / size;
}

const close = (got: number, expected: number): number => Math.abs(got - expected) / Math.max(Math.abs(expected), 1e-6);

const PART_NAMES: Readonly<Record<string, string>> = {
  mse_loss: 'mse',
  l1_loss: 'l1',
  l0_loss: 'l0',
  pre_act_loss: 'preAct',
  auxiliary_reconstruction_loss: 'aux',
};

async function replay(name: string, arithmetic: 'auto' | 'dense'): Promise<Record<string, number>> {
  const golden = JSON.parse(await readFile(join(folder, name, 'golden.json'), 'utf8')) as Golden;
  const { sae, training } = golden.sae_config === undefined ? fromDictionaryLearning(golden) : fromSaelens(golden);
  const tensors = join(folder, name, 'golden.safetensors');
  const init = { ...(await readPrefixed(tensors, 'init.')) };
  if (name === 'dl_batchtopk' || name === 'dl_topk') delete (init as Record<string, unknown>)['b_dec'];
  const batches = await readPrefixed(join(folder, 'train_batches/batches.safetensors'), '');
  const values = batches['batches']!.data;
  const specs = resolveSpecs([{ id: 'golden', sae, training }], {}, ARCHITECTURES);
  const trainer = new Trainer(specs, { site: { model: 'toy', hook: 'resid_post.0', width: 16 }, initial: { golden: init }, arithmetic });
  const worst: Record<string, number> = { total: 0, parts: 0, l0: 0, gradNorm: 0, lr: 0, threshold: 0 };
  const note = (key: string, error: number): void => {
    worst[key] = Math.max(worst[key] ?? 0, Number.isNaN(error) ? Infinity : error);
  };
  for (let i = 0; i < 20; i++) {
    const expected = golden.steps[i]!;
    const events = trainer.step({ rows: 32, values: values.slice(i * 512, (i + 1) * 512) });
    const step = events.find((e): e is StepEvent => e.kind === 'step')!;
    note('total', close(step.loss, expected.overall_loss ?? expected.loss!));
    note('gradNorm', close(step.gradNorm, expected.grad_norm_before_clip));
    note('lr', close(step.learningRate, expected.lr));
    if (expected.l0 !== undefined) note('l0', close(step.l0, expected.l0));
    for (const [peer, value] of Object.entries(expected.losses ?? {})) {
      const own = PART_NAMES[peer] ?? peer.replace('inner_mse_loss', 'inner');
      note('parts', close(step.parts[own]!, value));
    }
    const snapshot = trainer.snapshot()!.learners['golden']!;
    const threshold = expected.topk_threshold_after ?? expected.threshold_after;
    if (threshold !== undefined) note('threshold', close(snapshot.state['threshold']!.data[0]!, threshold));
    if (i === 0 || i === 19) {
      const params = await readPrefixed(tensors, `step${i + 1}.param.`);
      for (const [parameter, value] of Object.entries(params)) note(`${parameter}@${i + 1}`, relativeError(snapshot.params[parameter]!.data, value.data));
    }
  }
  trainer.dispose();
  return worst;
}

beforeAll(async () => {
  await useBackend();
});

/** A software driver takes seconds for each run and minutes for the widest: on WebGPU one of each kind goes through the dense arithmetic. */
const onWebGpu = process.env['SALMON_BACKEND'] === 'webgpu';
const denselyOnWebGpu = ['train_standard_l1', 'train_jumprelu_step', 'train_gated', 'train_topk_aux', 'dl_batchtopk', 'train_matching_pursuit'];

describe.each(['auto', 'dense'] as const)('golden training runs, %s arithmetic', (arithmetic) => {
  const runs = [
    'train_standard_l1',
    'train_standard_l1_ln',
    'train_jumprelu_step',
    'train_jumprelu_tanh_preact',
    'train_gated',
    'train_topk_aux',
    'train_topk_aux_norescale',
    'train_batchtopk',
    'train_matryoshka_batchtopk',
    'train_matryoshka_batchtopk_auxm',
    'train_matching_pursuit',
    'dl_topk',
    'dl_batchtopk',
    'dl_jumprelu',
  ];
  const onSoftware = arithmetic === 'dense' ? denselyOnWebGpu : runs.filter((name) => !name.includes('matryoshka'));
  it.each(onWebGpu ? onSoftware : runs)('%s: every step within 1e-4', async (name) => {
    const before = tf.memory().numTensors;
    const worst = await replay(name, arithmetic);
    for (const [what, error] of Object.entries(worst)) expect(error, `${name} ${what} ${JSON.stringify(worst)}`).toBeLessThan(TOLERANCE);
    expect(tf.memory().numTensors).toBe(before);
  });
});

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NdArray } from '@salmon-sae/dataflow';
import { openSafetensors, writeSafetensors } from '@salmon-sae/dataflow/safetensors';
import { zipSync } from 'fflate';
import type { Zippable } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSae } from './load-sae.js';
import { npyHeaderBytes } from './npy.js';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures');
let folder = '';
let copies = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bad-input-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** A copy of a fixture with some of its JSON and tensors changed. */
async function changed(name: string, change: { cfg?: Record<string, unknown>; tensors?: (all: Record<string, NdArray>) => void; weights?: string }): Promise<string> {
  const path = join(folder, `${copies++}`);
  await cp(join(FIXTURES, name), path, { recursive: true });
  const config = name.startsWith('dl_') ? 'config.json' : 'cfg.json';
  if (change.cfg !== undefined) {
    const cfg = JSON.parse(await readFile(join(path, config), 'utf8')) as Record<string, unknown>;
    await writeFile(join(path, config), JSON.stringify({ ...cfg, ...change.cfg }));
  }
  if (change.tensors !== undefined) {
    const file = join(path, change.weights ?? 'sae_weights.safetensors');
    const reader = await openSafetensors(file);
    const all: Record<string, NdArray> = {};
    for (const tensor of reader.names) all[tensor] = await reader.read(tensor);
    await reader.close();
    change.tensors(all);
    await writeSafetensors(file, all);
  }
  return path;
}

const turned = (array: NdArray | undefined): NdArray => ({ shape: [...(array?.shape ?? [])].reverse(), data: array?.data ?? new Float32Array(0) });

describe('SAELens folders', () => {
  it('wrong shapes, orientations, values and names', async () => {
    const transposed = await changed('infer_jumprelu', { tensors: (all) => void (all['W_enc'] = turned(all['W_enc'])) });
    await expect(loadSae(transposed)).rejects.toThrow(/"W_enc" has the wrong shape.*\[16, 64\].*\[64, 16\].*looks transposed/);
    const short = await changed('infer_jumprelu', { tensors: (all) => void (all['threshold'] = { shape: [63], data: new Float32Array(63) }) });
    await expect(loadSae(short)).rejects.toThrow(/"threshold" has the wrong shape.*\[64\].*\[63\]/);
    const nan = await changed('infer_jumprelu', { tensors: (all) => void ((all['b_enc'] as NdArray).data[3] = NaN) });
    await expect(loadSae(nan)).rejects.toThrow(/"b_enc" is not finite.*NaN at element 3 of \[64\]/);
    const missing = await changed('infer_jumprelu', { tensors: (all) => void delete all['threshold'] });
    await expect(loadSae(missing)).rejects.toThrow(/"threshold" is missing/);
    const extra = await changed('infer_standard', { tensors: (all) => void (all['threshold'] = { shape: [64], data: new Float32Array(64) }) });
    await expect(loadSae(extra)).rejects.toThrow(/"threshold" is not part of this kind/);
  });

  it('unknown architectures, missing and contradictory fields', async () => {
    await expect(loadSae(await changed('infer_standard', { cfg: { architecture: 'crosscoder' } }))).rejects.toMatchObject({ code: 'unknown-architecture' });
    await expect(loadSae(await changed('infer_standard', { cfg: { architecture: 'batchtopk' } }))).rejects.toThrow(/training checkpoint/);
    await expect(loadSae(await changed('infer_standard', { cfg: { d_in: undefined } }))).rejects.toThrow(/"d_in" is missing/);
    await expect(loadSae(await changed('infer_standard', { cfg: { apply_b_dec_to_input: undefined } }))).rejects.toThrow(/"apply_b_dec_to_input" is missing/);
    await expect(loadSae(await changed('infer_standard', { cfg: { d_sae: 32 } }))).rejects.toThrow(/W_dec.*\[32, 16\].*\[64, 16\]/);
    await expect(loadSae(await changed('infer_topk', { cfg: { k: undefined } }))).rejects.toThrow(/needs k/);
    await expect(loadSae(await changed('infer_topk', { cfg: { k: 65 } }))).rejects.toThrow(/k is larger/);
    await expect(loadSae(await changed('infer_transcoder', { cfg: { apply_b_dec_to_input: true } }))).rejects.toThrow(/output width/);
    await expect(loadSae(await changed('infer_transcoder', { cfg: { d_out: undefined } }))).rejects.toThrow(/"d_out" is missing/);
    await expect(loadSae(await changed('infer_standard', { cfg: { normalize_activations: 'batch_norm' } }))).rejects.toThrow(/normalize_activations.*batch_norm/);
    await expect(loadSae(await changed('infer_standard', { cfg: { normalize_activations: 'constant_scalar_rescale' } }))).rejects.toThrow(/constant scalar/);
    await expect(loadSae(await changed('infer_temporal', { cfg: { n_heads: 3 } }))).rejects.toThrow(/heads do not divide/);
    await expect(loadSae(await changed('infer_legacy_v5_topk', { cfg: { activation_fn_str: 'tanh-relu' } }))).rejects.toThrow(/Activation function is not known/);
  });

  it('old scaling factors', async () => {
    const twos = { shape: [64], data: new Float32Array(64).fill(2) };
    const tensors = (all: Record<string, NdArray>): void => void (all['scaling_factor'] = twos);
    await expect(loadSae(await changed('infer_legacy_v3_standard', { tensors }))).rejects.toThrow(/"scaling_factor" contradicts/);
    const folded = await loadSae(await changed('infer_legacy_v3_standard', { cfg: { finetuning_scaling_factor: true }, tensors }));
    const plain = await loadSae(join(FIXTURES, 'infer_legacy_v3_standard'));
    expect(folded.weights['W_dec']?.data).toEqual(plain.weights['W_dec']?.data.map((value) => 2 * value));
  });

  it('log thresholds are exponentiated', async () => {
    const logged = await changed('infer_jumprelu', {
      tensors: (all) => {
        const threshold = all['threshold'] as NdArray;
        all['log_threshold'] = { shape: threshold.shape, data: threshold.data.map(Math.log) };
        delete all['threshold'];
      },
    });
    const raw = await loadSae(join(FIXTURES, 'infer_jumprelu'));
    const read = await loadSae(logged);
    read.weights['threshold']?.data.forEach((value, i) => expect(value).toBeCloseTo(raw.weights['threshold']?.data[i] as number, 5));
  });

  it('no SAE at all', async () => {
    await expect(loadSae(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'missing-file' });
    await expect(loadSae(join(FIXTURES, 'train_batches'))).rejects.toThrow(/No SAE is recognised/);
    const garbled = await changed('infer_standard', {});
    await writeFile(join(garbled, 'cfg.json'), '{');
    await expect(loadSae(garbled)).rejects.toThrow(/not valid JSON/);
    await writeFile(join(garbled, 'cfg.json'), `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`);
    await expect(loadSae(garbled)).rejects.toThrow(/nested too deeply/);
  });
});

describe('Gemma Scope archives', () => {
  const array = (shape: readonly number[], header = npyHeaderBytes(shape)): Uint8Array =>
    Buffer.concat([header, Buffer.alloc(4 * shape.reduce((a, b) => a * b, 1))]);
  const members = { 'W_enc.npy': array([4, 8]), 'W_dec.npy': array([8, 4]), 'b_enc.npy': array([8]), 'b_dec.npy': array([4]), 'threshold.npy': array([8]) };
  const archive = async (entries: Zippable, level: 0 | 9 = 0): Promise<string> => {
    const path = join(folder, `${copies++}.npz`);
    await writeFile(path, zipSync(entries, { level }));
    return path;
  };
  const header = (text: string): Uint8Array => {
    const bytes = Buffer.from(npyHeaderBytes([4, 8]));
    bytes.fill(0x20, 10, bytes.length - 1);
    bytes.write(text, 10, 'latin1');
    return bytes;
  };
  const replaced = (text: string): Zippable => ({ ...members, 'W_enc.npy': array([4, 8], header(text)) });

  it('reads stored and deflated arrays', async () => {
    expect((await loadSae(await archive(members))).weights['W_enc']?.shape).toEqual([4, 8]);
    expect((await loadSae(await archive(members, 9))).config.kind).toBe('jumprelu');
  });

  it('reads Fortran order and other float widths', async () => {
    const values = Float32Array.from({ length: 32 }, (_, i) => i);
    const fortran = Buffer.concat([header("{'descr': '<f4', 'fortran_order': True, 'shape': (4, 8), }"), Buffer.from(values.buffer)]);
    const state = await loadSae(await archive({ ...members, 'W_enc.npy': fortran }));
    expect([...(state.weights['W_enc']?.data.subarray(0, 4) ?? [])]).toEqual([0, 4, 8, 12]);
    const doubles = Buffer.concat([header("{'descr': '<f8', 'fortran_order': False, 'shape': (4, 8), }"), Buffer.from(Float64Array.from(values).buffer)]);
    expect((await loadSae(await archive({ ...members, 'W_enc.npy': doubles }))).weights['W_enc']?.data).toEqual(values);
  });

  it('refuses wrong dtypes, malformed headers and sizes', async () => {
    await expect(loadSae(await archive(replaced("{'descr': '<i4', 'fortran_order': False, 'shape': (4, 8), }")))).rejects.toThrow(/W_enc.npy.*<f2, <f4, <f8.*<i4/);
    await expect(loadSae(await archive(replaced("{'descr': '>f4', 'fortran_order': False, 'shape': (4, 8), }")))).rejects.toThrow(/dtype/);
    await expect(loadSae(await archive(replaced("{'descr': __import__('os'), 'fortran_order': False, 'shape': (4, 8), }")))).rejects.toThrow(/malformed/);
    await expect(loadSae(await archive(replaced("{'descr': '<f4', 'fortran_order': False, 'shape': (4, 9), }")))).rejects.toThrow(/does not fill its member.*\[4, 9\]/);
    await expect(loadSae(await archive(replaced("{'descr': '<f4', 'fortran_order': False, 'shape': (9007199254740993, 8), }")))).rejects.toMatchObject({ code: 'bad-file' });
    await expect(loadSae(await archive({ ...members, 'W_enc.npy': array([8, 4]) }))).rejects.toThrow(/has the wrong shape/);
    const { 'threshold.npy': gone, ...rest } = members;
    expect(gone.length).toBeGreaterThan(0);
    await expect(loadSae(await archive(rest))).rejects.toThrow(/"threshold" is missing/);
  });

  it('refuses zip bombs, traversal, repeated names and damage', async () => {
    const zeros = Buffer.concat([npyHeaderBytes([1 << 12, 1 << 12]), Buffer.alloc(1 << 26)]);
    await expect(loadSae(await archive({ ...members, 'W_enc.npy': zeros }, 9))).rejects.toThrow(/zip bomb/);
    await expect(loadSae(await archive({ ...members, '../W_enc.npy': members['W_enc.npy'] }))).rejects.toThrow(/invalid relative path/);
    await expect(loadSae(await archive({ ...members, '/etc/x.npy': members['W_enc.npy'] }))).rejects.toThrow(/absolute path/);
    await expect(loadSae(await archive({ ...members, 'a/W_enc.npy': members['W_enc.npy'] }))).rejects.toThrow(/something else than arrays/);
    const path = await archive(members);
    const bytes = await readFile(path);
    bytes[100] = 1;
    await writeFile(path, bytes);
    await expect(loadSae(path)).rejects.toMatchObject({ code: 'bad-file' });
    await writeFile(path, 'not a zip');
    await expect(loadSae(path)).rejects.toThrow(/Archive cannot be read/);
  });

  it('takes the variant from the path or from the caller', async () => {
    const plain = await loadSae(join(FIXTURES, 'gemmascope_npz'));
    const embedding = await loadSae(join(FIXTURES, 'gemmascope_npz'), { variant: 'embedding' });
    expect(embedding.weights['W_enc']?.data).toEqual(plain.weights['W_enc']?.data.map((value) => value / 4));
    expect(embedding.site.hook).toBe('embed');
    expect((await loadSae(join(FIXTURES, 'gemmascope_npz'), { variant: 'transcoder' })).config.kind).toBe('jumprelu_transcoder');
  });
});

describe('torch files', () => {
  const text = (s: string): number[] => [0x58, s.length, 0, 0, 0, ...Buffer.from(s)];
  const global = (s: string): number[] => [0x63, ...Buffer.from(`${s}\n`)];
  const attempt = async (pickle: readonly number[], more: Zippable = {}): Promise<unknown> => {
    const path = await changed('dl_topk', {});
    await writeFile(join(path, 'ae.pt'), zipSync({ 'ae/data.pkl': Uint8Array.from(pickle), ...more }, { level: 0 }));
    return loadSae(path);
  };
  const tensor = (storage: string, elements: number, shape: number, stride: number): number[] => [
    ...global('torch._utils\n_rebuild_tensor_v2'), 0x28, 0x28, ...text('storage'), ...global(`torch\n${storage}`), ...text('0'), ...text('cpu'), 0x4b, elements, 0x74, 0x51,
    0x4b, 0, 0x4b, shape, 0x85, 0x4b, stride, 0x85, 0x89, ...global('collections\nOrderedDict'), 0x29, 0x52, 0x74, 0x52,
  ];
  const dict = (name: string, value: number[]): number[] => [0x80, 2, 0x7d, ...text(name), ...value, 0x73, 0x2e];

  it('refuses every name that could run something, by name', async () => {
    for (const name of ['os\nsystem', 'builtins\neval', 'posix\nsystem', '__builtin__\nexec', 'torch\nload', 'collections\nnamedtuple', 'torch._utils\n_rebuild_qtensor']) {
      await expect(attempt([0x80, 2, ...global(name), ...text('echo'), 0x85, 0x52, 0x2e])).rejects.toThrow(name.replace('\n', '.'));
    }
    await expect(attempt([0x80, 4, ...text('os'), ...text('system'), 0x93, 0x2e])).rejects.toThrow(/os\.system/);
    // INST, OBJ, NEWOBJ, EXT1, PERSID
    for (const opcode of [0x69, 0x6f, 0x81, 0x82, 0x50]) await expect(attempt([0x80, 2, 0x28, opcode, 0x2e])).rejects.toThrow(/operation that is not allowed/);
  });

  it('refuses malformed pickles', async () => {
    await expect(attempt([0x80, 2])).rejects.toThrow(/ends early/);
    await expect(attempt([0x80, 9, 0x2e])).rejects.toThrow(/protocol/);
    await expect(attempt([0x80, 2, 0x75, 0x2e])).rejects.toThrow(/malformed/);
    await expect(attempt([0x80, 2, 0x68, 7, 0x2e])).rejects.toThrow(/never stored/);
    await expect(attempt([0x80, 2, 0x4e, 0x2e])).rejects.toThrow(/no state dict/);
    await expect(attempt(dict('k', [0x4b, 3]))).rejects.toThrow(/"k" is no tensor/);
    await expect(attempt([0x58, 0xff, 0xff, 0xff, 0xff, 0x2e])).rejects.toThrow(/ends early/);
  });

  it('refuses tensors that do not fit their storage', async () => {
    const storage = { 'ae/data/0': new Uint8Array(16) };
    await expect(attempt(dict('b_dec', tensor('FloatStorage', 4, 5, 1)), storage)).rejects.toThrow(/reaches beyond its storage/);
    await expect(attempt(dict('b_dec', tensor('FloatStorage', 4, 2, 200)), storage)).rejects.toThrow(/reaches beyond its storage/);
    await expect(attempt(dict('b_dec', tensor('FloatStorage', 5, 4, 1)), storage)).rejects.toThrow(/storage of another size/);
    await expect(attempt(dict('b_dec', tensor('FloatStorage', 4, 4, 1)))).rejects.toThrow(/storage of another size/);
    // Expanded tensors repeat one element without end.
    await expect(attempt(dict('b_dec', tensor('FloatStorage', 4, 250, 0)), storage)).rejects.toThrow(/reaches beyond its storage/);
    await expect(attempt(dict('b_dec', tensor('FloatStorage', 4, 4, 1)), storage)).rejects.toThrow(/"encoder.weight" is missing/);
  });

  it('refuses unknown classes and missing fields', async () => {
    const trainer = { dict_class: 'CrossCoder', activation_dim: 16, dict_size: 64 };
    await expect(loadSae(await changed('dl_topk', { cfg: { trainer } }))).rejects.toMatchObject({ code: 'unknown-architecture' });
    await expect(loadSae(await changed('dl_topk', { cfg: { trainer: { ...trainer, dict_class: 'AutoEncoderTopK' } } }))).rejects.toThrow(/needs k/);
    await expect(loadSae(await changed('dl_topk', { cfg: { trainer: { dict_class: 'AutoEncoderTopK', dict_size: 64 } } }))).rejects.toThrow(/activation_dim/);
    await expect(loadSae(await changed('dl_topk', { cfg: { trainer: { ...trainer, dict_class: 'AutoEncoderTopK', k: 6, dict_size: 16, activation_dim: 64 } } }))).rejects.toThrow(/"encoder.weight" has the wrong shape/);
  });
});

describe('sparsify folders', () => {
  it('malformed configs and shapes', async () => {
    await expect(loadSae(await changed('sparsify_topk', { cfg: { activation: 'relu' } }))).rejects.toThrow(/activation/);
    await expect(loadSae(await changed('sparsify_topk', { cfg: { signed: true } }))).rejects.toThrow(/signed/);
    await expect(loadSae(await changed('sparsify_groupmax', { cfg: { k: 7 } }))).rejects.toThrow(/equal groups/);
    await expect(loadSae(await changed('sparsify_topk', { cfg: { skip_connection: true } }))).rejects.toThrow(/"W_skip" is missing/);
    const turnedDecoder = await changed('sparsify_topk', { weights: 'sae.safetensors', tensors: (all) => void (all['W_dec'] = turned(all['W_dec'])) });
    await expect(loadSae(turnedDecoder)).rejects.toThrow(/"W_dec" has the wrong shape/);
  });
});

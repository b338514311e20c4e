import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSafetensors, writeSafetensors } from '@salmon-sae/dataflow/safetensors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../../test/salmon.js';
import { salmon } from '../../test/salmon.js';

const root = join(import.meta.dirname, '../../../..');
const lm = join(root, 'packages/activations/test/fixtures/lm/gemma2');
const saes = join(root, 'packages/sae-core/test/fixtures');

/** Runs the command line in a process of its own, as a user would. */
function spawned(...args: readonly string[]): Promise<Outcome> {
  const main = [join(root, 'tools/ts-node.mjs'), join(root, 'packages/pipelines/src/cli/main.ts')];
  return new Promise((resolve) => {
    execFile(process.execPath, [...main, ...args], { cwd: root, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr }),
    );
  });
}

async function relativeError(path: string, name: string, expectedPath: string, expectedName: string): Promise<number> {
  const [ours, theirs] = [await openSafetensors(path), await openSafetensors(expectedPath)];
  const [a, b] = [await ours.read(name), await theirs.read(expectedName)];
  await ours.close();
  await theirs.close();
  expect(a.shape).toEqual(b.shape);
  let [difference, size] = [0, 0];
  a.data.forEach((value, i) => {
    difference += (value - (b.data[i] ?? 0)) ** 2;
    size += (b.data[i] ?? 0) ** 2;
  });
  return Math.sqrt(difference / size);
}

describe('salmon', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'salmon-cli-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('prints help with an example for every command, and refuses unknown ones with exit code 2', async () => {
    const help = await spawned('--help');
    expect(help.code).toBe(0);
    const names = [...help.stdout.matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1] ?? '').filter((name) => name !== 'help');
    expect(names).toEqual(expect.arrayContaining(['experiment', 'harvest', 'train', 'boost', 'evaluate', 'interpret', 'explore', 'rate', 'report', 'paper', 'doctor', 'activations', 'ablate', 'encode', 'convert']));
    const [one, unknown] = [await salmon('encode', '--help'), await salmon('swim')];
    expect(one.stdout).toContain('Example:');
    expect(unknown.code).toBe(2);
  });

  it('activations and ablate agree with the reference model', { timeout: 300_000 }, async () => {
    const out = join(folder, 'acts.safetensors');
    const reference = join(lm, 'reference.safetensors');
    const run = await salmon('activations', '--model', lm, '--tokens', reference, '--hooks', 'resid_pre.0,resid_post.3,attn_out.1,embed', '--logits', '--out', out);
    expect(run.stderr + run.stdout).toContain('wrote');
    expect(await relativeError(out, 'resid_post.3', reference, 'resid_post.3')).toBeLessThan(1e-4);
    expect(await relativeError(out, 'attn_out.1', reference, 'attn_out_raw.1')).toBeLessThan(1e-4);
    expect(await relativeError(out, 'logits', reference, 'logits')).toBeLessThan(1e-4);
    expect(await relativeError(out, 'ce_per_token', reference, 'ce_per_token')).toBeLessThan(1e-4);
    const golden = JSON.parse(await readFile(join(lm, 'reference.json'), 'utf8')) as Record<string, number>;
    const ablate = async (...more: readonly string[]): Promise<{ ce_clean: number; ce_ablated: number }> =>
      JSON.parse((await salmon('ablate', '--model', lm, '--tokens', reference, '--hook', `resid_post.${golden['layer']}`, '--json', ...more)).stdout) as { ce_clean: number; ce_ablated: number };
    const zero = await ablate('--with', 'zero');
    expect(zero.ce_clean).toBeCloseTo(golden['ce_clean'] ?? 0, 4);
    expect(zero.ce_ablated).toBeCloseTo(golden['ce_zero_ablated'] ?? 0, 4);
    expect((await ablate('--with', 'zero', '--keep-bos')).ce_ablated).toBeCloseTo(golden['ce_zero_ablated_keep_bos'] ?? 0, 4);
    expect((await ablate('--with', 'mean')).ce_ablated).toBeCloseTo(golden['ce_mean_ablated'] ?? 0, 4);
    expect((await ablate('--with', 'scale:0.9')).ce_ablated).toBeCloseTo(golden['ce_scaled_0.9'] ?? 0, 4);
  });

  it('encode and convert agree with the reference SAE', { timeout: 300_000 }, async () => {
    const [source, codes, converted] = [join(saes, 'infer_jumprelu'), join(folder, 'codes.safetensors'), join(folder, 'npz')];
    const io = join(source, 'io.safetensors');
    expect((await salmon('encode', '--sae', source, '--input', io, '--out', codes)).code).toBe(0);
    expect(await relativeError(codes, 'feature_acts', io, 'feature_acts')).toBeLessThan(1e-5);
    expect(await relativeError(codes, 'recon', io, 'recon')).toBeLessThan(1e-5);
    const npz = join(saes, 'gemmascope_npz');
    const made = await salmon('convert', join(npz, 'params.npz'), converted, '--to', 'saelens', '--json');
    expect(JSON.parse(made.stdout)).toMatchObject({ kind: 'jumprelu', format: 'saelens' });
    expect((await salmon('encode', '--sae', converted, '--input', join(npz, 'io.safetensors'), '--out', codes)).code).toBe(0);
    expect(await relativeError(codes, 'recon', join(npz, 'io.safetensors'), 'recon')).toBeLessThan(1e-5);
  });

  it('train reproduces a reference run from given weights, in file order, one line a step', { timeout: 300_000 }, async () => {
    const fixture = join(saes, 'train_jumprelu_step');
    const golden = JSON.parse(await readFile(join(fixture, 'golden.json'), 'utf8')) as { steps: readonly { overall_loss: number; l0: number; grad_norm_before_clip: number; lr: number }[] };
    const out = join(folder, 'trained');
    const config = {
      out,
      data: { kind: 'safetensors', path: join(saes, 'train_batches/batches.safetensors'), tensor: 'batches' },
      saes: [
        {
          id: 'sae',
          sae: { kind: 'jumprelu', latents: 64, sparsity: 'step', coefficient: 0.3, bandwidth: 0.2, initThreshold: 0.1, thresholdParameter: 'log', minThreshold: null, decoderInitNorm: 0.1 },
          training: { steps: 20, batch: 32, learningRate: 0.003, beta1: 0, beta2: 0.999, lrWarmup: 4, lrWarmupShape: 'first-step', lrDecay: 6, lrEnd: 0, sparsityWarmup: 5, decoder: 'free', normalize: 'none', logEvery: 1, deadUnit: 'steps', deadAfter: 1000, deadRule: 'before-step' },
        },
      ],
      initial: { sae: { path: join(fixture, 'golden.safetensors'), prefix: 'init.' } },
    };
    const path = join(folder, 'train.json');
    await writeFile(path, JSON.stringify(config));
    const run = await salmon('train', path, '--json');
    expect(run.stderr).not.toContain('salmon:');
    const lines = (await readFile(join(out, 'steps.jsonl'), 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as Record<string, number | string>);
    const steps = lines.filter((line) => line['kind'] === 'step');
    expect(steps).toHaveLength(20);
    steps.forEach((step, i) => {
      const reference = golden.steps[i];
      expect(Math.abs(Number(step['loss']) / (reference?.overall_loss ?? 0) - 1)).toBeLessThan(1e-4);
      expect(Math.abs(Number(step['gradNorm']) / (reference?.grad_norm_before_clip ?? 0) - 1)).toBeLessThan(1e-4);
      expect(Number(step['l0'])).toBeCloseTo(reference?.l0 ?? 0, 4);
    });
    const io = join(fixture, 'inference/io.safetensors');
    const codes = join(folder, 'trained-codes.safetensors');
    expect((await salmon('encode', '--sae', join(out, 'sae'), '--input', io, '--out', codes)).code).toBe(0);
    expect(await relativeError(codes, 'recon', io, 'recon')).toBeLessThan(1e-3);
  });

  it('says in one paragraph what is wrong with an input, without a stack, and leaves no output', async () => {
    const [out, tokens, truncated] = [join(folder, 'none.safetensors'), join(folder, 'tokens.safetensors'), join(folder, 'cut.safetensors')];
    await writeSafetensors(tokens, { input_ids: { shape: [1, 4], data: Int32Array.from([2, 5, 6, 7]) } });
    await writeFile(truncated, (await readFile(tokens)).subarray(0, 40));
    await writeFile(join(folder, 'bad.json'), '{"name": "x", "colour": "red"}');
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['activations', '--model', join(folder, 'nowhere'), '--tokens', tokens, '--hooks', 'embed', '--out', out], 1, /nowhere/],
      [['activations', '--model', lm, '--tokens', truncated, '--hooks', 'embed', '--out', out], 1, /cut\.safetensors/],
      [['activations', '--model', lm, '--tokens', tokens, '--hooks', 'resid_post.77', '--out', out], 1, /resid_post\.77/],
      [['ablate', '--model', lm, '--tokens', tokens, '--hook', 'resid_post.1', '--with', 'fire'], 2, /"fire"/],
      [['experiment', join(folder, 'bad.json')], 2, /bad\.json.*colour/s],
      [['experiment', 'no-such-name'], 2, /no-such-name/],
      [['experiment', 'medical-real', '--data', folder], 1, /manifest\.json/],
      [['encode', '--sae', saes, '--input', tokens, '--out', out], 1, /./],
    ];
    const outcomes: Outcome[] = [];
    for (const [args] of cases.slice(1)) outcomes.push(await salmon(...args));
    outcomes.unshift(await spawned(...(cases[0]?.[0] ?? [])));
    for (const [i, [args, code, pattern]] of cases.entries()) {
      const outcome = outcomes[i] ?? { code: -1, stdout: '', stderr: '' };
      expect([args.join(' '), outcome.code]).toEqual([args.join(' '), code]);
      expect(outcome.stderr).toMatch(/^salmon: /m);
      expect(outcome.stderr).toMatch(pattern);
      expect(outcome.stderr).not.toMatch(/\n {4}at /);
      expect(outcome.stdout).toBe('');
    }
    await expect(readFile(out)).rejects.toThrow();
  }, 300_000);

  it('doctor reports the engine as one JSON object', async () => {
    const report = JSON.parse((await spawned('doctor', '--json')).stdout) as Record<string, unknown>;
    expect(JSON.stringify(report)).toMatch(/tensorflow|wasm/);
  });
});

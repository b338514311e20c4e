#!/usr/bin/env node
// npm run bench -- [--shapes small|all|d,F,B;...] [--arch jumprelu,batchtopk] [--rounds 3] [--steps N] [--warmup N] [--no-peers] [--bf16] [--scaling] [--inference] [--out results.json]
// Runs our trainer and the peers' own alternately on the same activations and starting weights; prints a table and writes JSON.
// With --inference: encoding to codes and decoding instead of training (JumpReLU).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const here = import.meta.dirname;
const { values: options } = parseArgs({
  options: {
    shapes: { type: 'string', default: 'small' },
    arch: { type: 'string', default: 'jumprelu,batchtopk' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string' },
    warmup: { type: 'string' },
    k: { type: 'string', default: '64' },
    'no-peers': { type: 'boolean', default: false },
    bf16: { type: 'boolean', default: false },
    dense: { type: 'boolean', default: false },
    scaling: { type: 'boolean', default: false },
    inference: { type: 'boolean', default: false },
    out: { type: 'string' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log('npm run bench -- [--shapes small|all|d,F,B;d,F,B] [--arch jumprelu,batchtopk] [--rounds 3] [--steps N] [--warmup N] [--no-peers] [--bf16] [--dense] [--scaling] [--inference] [--out FILE]');
  process.exit(0);
}

const out = options.out ?? `runs/bench/${options.inference ? 'inference' : 'train'}.json`;
const all = [
  [192, 3072, 1024],
  [768, 24576, 4096],
  [2304, 16384, 2048],
  [2304, 65536, 2048],
];
const scaling = [
  ...[4096, 8192, 16384, 32768, 65536].map((F) => ({ shape: [768, F, 2048], k: 64 })),
  ...[16, 32, 128, 256, 512].map((k) => ({ shape: [768, 16384, 2048], k })),
];
const shapes = options.shapes === 'small' ? all.slice(0, 1) : options.shapes === 'all' ? all : options.shapes.split(';').map((text) => text.split(',').map(Number));
const temporary = mkdtempSync(path.join(os.tmpdir(), 'salmon-bench-'));
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));

const peersFolder = process.env.SALMON_PEERS ?? path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'salmon/peers');
const python = path.join(peersFolder, 'bin/python');
const peers = [];
if (!options['no-peers']) {
  if (existsSync(path.join(peersFolder, 'ready'))) {
    for (const [name, module] of [['dictionary_learning', 'dictionary_learning'], ['saelens', 'sae_lens']]) {
      if (spawnSync(python, ['-c', `import ${module}`]).status === 0) peers.push(name);
      else console.error(`notice: ${name} is not in ${peersFolder} and is left out`);
    }
  } else {
    console.error(`notice: no peers in ${peersFolder}: run tools/bench/peers/setup first; only our own trainer is timed`);
  }
}

const results = [];
const configurations = options.scaling ? scaling : shapes.map((shape) => ({ shape, k: Number(options.k) }));
for (const { shape, k } of configurations) {
  const [d, F, B] = shape;
  const file = path.join(temporary, `${d}-${F}-${B}.safetensors`);
  const { steps, warmup } = stepsOf(2 * d * F * B);
  run(process.execPath, [path.join(here, '../ts-node.mjs'), path.join(here, 'make-file.ts'), d, F, B, file].map(String));
  for (const arch of options.inference ? ['jumprelu'] : options.scaling ? ['batchtopk'] : options.arch.split(',')) {
    const timed = ['--file', file, '--batch', B, '--steps', steps, '--warmup', warmup];
    const script = (name, flags) => [process.execPath, [path.join(here, '../ts-node.mjs'), path.join(here, name), ...timed, ...flags].map(String)];
    const ours = (flags) => (options.inference ? script('infer.ts', []) : script('train.ts', ['--arch', arch, '--k', k, ...flags]));
    const theirs = (peer) => [python, [path.join(here, 'peers/train.py'), '--peer', peer, '--arch', arch, '--k', k, ...timed, '--threads', options.threads, ...(options.inference ? ['--inference'] : [])].map(String)];
    const contestants = [['salmon', ours(['--roofline'])]];
    if (options.bf16 && !options.inference) contestants.push(['salmon bf16', ours(['--bf16'])]);
    if (options.dense && !options.inference) contestants.push(['salmon dense', ours(['--dense'])]);
    if (!options.scaling) for (const peer of peers) contestants.push([peer, theirs(peer)]);
    const rounds = [];
    for (let round = 0; round < Number(options.rounds); round++) {
      const outcome = {};
      for (const [name, [program, args]] of contestants) {
        process.stderr.write(`d${d} F${F} B${B} k${k} ${arch}, round ${round + 1}: ${name}\n`);
        const answer = JSON.parse(run(program, args));
        outcome[name] = { ...answer, tokensPerSecond: B / median(answer.seconds) };
      }
      rounds.push(outcome);
    }
    results.push(summary({ d, F, B, k, arch, rounds, names: contestants.map(([name]) => name) }));
    print(results.at(-1));
  }
  rmSync(file, { force: true });
}
const machine = { cpu: os.cpus()[0]?.model, threads: Number(options.threads), node: process.versions.node, loadAverage: os.loadavg() };
mkdirSync(path.dirname(out), { recursive: true });
writeFileSync(out, `${JSON.stringify({ machine, results }, undefined, 1)}\n`);
console.log(`\n${machine.cpu}, ${machine.threads} threads; written to ${out}`);

function run(program, args) {
  const result = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26, env: { ...process.env, SALMON_THREADS: options.threads, OMP_NUM_THREADS: options.threads, MKL_NUM_THREADS: options.threads, TOKENIZERS_PARALLELISM: 'false' } });
  if (result.status === 0) return result.stdout.trim().split('\n').at(-1);
  console.error(result.stderr);
  console.error(`failed: ${program} ${args.join(' ')}`);
  process.exit(1);
}

/** Small steps are timed more often: the first dozens of a process are those in which JavaScript is compiled and memory is first touched, on either side. */
function stepsOf(operations) {
  const steps = Number(options.steps ?? Math.min(50, Math.max(5, Math.round(6e11 / operations))));
  return { steps, warmup: Number(options.warmup ?? Math.max(2, Math.round(steps / 4))) };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function summary({ d, F, B, k, arch, rounds, names }) {
  const by = {};
  for (const name of names) {
    const of = (pick) => median(rounds.map((round) => pick(round[name])));
    by[name] = { tokensPerSecond: of((r) => r.tokensPerSecond), peakBytes: of((r) => r.peakBytes), mse: of((r) => r.mse), l0: of((r) => r.l0) };
    if (name !== 'salmon') by[name].salmonRatio = median(rounds.map((round) => round.salmon.tokensPerSecond / round[name].tokensPerSecond));
  }
  const phases = {};
  for (const name of Object.keys(rounds[0].salmon.phases)) phases[name] = median(rounds.map((round) => round.salmon.phases[name]));
  const common = { d, F, B, k, arch, by, phases, rounds };
  const { firing, momentum, roofline: measured } = rounds[0].salmon;
  if (measured === undefined) return common;
  const roofline = {};
  for (const name of Object.keys(measured)) roofline[name] = median(rounds.map((round) => round.salmon.roofline[name]));
  return { ...common, roofline, rates: ratesOf({ d, F, B, phases, roofline, firing, momentum }) };
}

/**
 * How near each phase comes to what the machine can do: the encoder as a share of the rate of dense float32 products (above 100% where it gets along
 * with lower precision), the others as a share of the memory rate, counting every matrix that a phase must pass once: the rows of the latents that
 * fire, and both sides of the batch.
 */
function ratesOf({ d, F, B, phases, roofline, firing, momentum }) {
  const matrix = 4 * d * F;
  const touched = 4 * d * firing;
  const batch = 4 * d * B;
  const rate = (bytes, seconds, limit) => ({ gbs: bytes / seconds / 1e9, share: bytes / seconds / 1e9 / limit });
  const flops = (2 * B * d * F) / phases.encode / 1e9;
  return {
    encode: { gflops: flops, share: flops / roofline.gflops },
    decode: rate(touched + 2 * batch, phases.decode, roofline.readGBs),
    'activation gradient': rate(touched + batch, phases['activation gradient'], roofline.readGBs),
    // Gradient rows of both matrices written, decoder rows read for the projection, residual and input read.
    'weight gradients': rate(3 * touched + 2 * batch, phases['weight gradients'], roofline.updateGBs),
    // Of both matrices the second moments of all rows, the parameters and first moments of those that move, and the gradients.
    update: rate(2 * (2 * matrix + (momentum ? 4 * matrix : 2 * touched) + touched), phases.update, roofline.updateGBs),
  };
}

function print({ d, F, B, k, arch, by, phases, roofline, rates }) {
  console.log(`\n${arch}, d ${d}, ${F} latents, batch ${B}, k ${k}`);
  console.log('  who                  tokens/s   salmon is   peak GB   mse       L0');
  for (const [name, r] of Object.entries(by)) {
    const ratio = r.salmonRatio === undefined ? '' : `${r.salmonRatio.toFixed(2)} x`;
    console.log(`  ${name.padEnd(20)} ${r.tokensPerSecond.toFixed(0).padStart(8)}   ${ratio.padStart(9)}   ${(r.peakBytes / 1e9).toFixed(1).padStart(7)}   ${r.mse.toFixed(4).padEnd(8)}  ${r.l0.toFixed(1)}`);
  }
  const total = Object.values(phases).reduce((sum, s) => sum + s, 0);
  console.log('  phase                      ms   share   rate');
  for (const [name, s] of Object.entries(phases)) {
    const rate = rates?.[name];
    const speed = rate === undefined ? '' : rate.gflops === undefined ? `${rate.gbs.toFixed(1)} GB/s, ${percent(rate.share)} of the memory rate` : `${rate.gflops.toFixed(0)} GFLOP/s, ${percent(rate.share)} of the product rate`;
    console.log(`  ${name.padEnd(20)} ${(s * 1000).toFixed(1).padStart(8)}   ${percent(s / total).padStart(5)}   ${speed}`);
  }
  if (roofline !== undefined) console.log(`  machine now: ${roofline.gflops.toFixed(0)} GFLOP/s dense, ${roofline.readGBs.toFixed(1)} GB/s read, ${roofline.updateGBs.toFixed(1)} GB/s updated in place`);
}

function percent(share) {
  return `${(100 * share).toFixed(0)}%`;
}

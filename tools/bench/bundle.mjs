#!/usr/bin/env node
// node tools/bench/bundle.mjs [--out runs/bench-gpu] [--no-node]
// Writes a folder with the GPU benchmark as one file, Dawn's binary, the PyTorch loop and the node binary of this platform, and a tarball of it. On a bare
// machine with a GPU driver: tar xzf salmon-bench-gpu-*.tar.gz && salmon-bench-gpu/run
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'vite';

const { values: options } = parseArgs({ options: { out: { type: 'string', default: 'runs/bench-gpu' }, 'no-node': { type: 'boolean', default: false } } });
const here = import.meta.dirname;
const require = createRequire(import.meta.url);
const name = 'salmon-bench-gpu';
const platform = `${process.platform}-${process.arch}`;
const folder = path.resolve(options.out, name);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const asNodeLoadsIt = {
  name: 'as-node-loads-it',
  enforce: 'pre',
  resolveId(id) {
    // The npm package finds Dawn beside itself; in the bundle Dawn lies beside the one file.
    if (id === 'webgpu') return '\0dawn';
    // Of TensorFlow.js the builds for Node: from the others a bundler drops the modules that only register backends and kernels.
    return id.startsWith('@tensorflow/tfjs') ? require.resolve(id) : undefined;
  },
  load: (id) => (id === '\0dawn' ? "import { createRequire } from 'node:module';\nexport const { create, globals } = createRequire(import.meta.url)('./dawn.node');" : undefined),
};

await build({
  configFile: false,
  root: path.join(here, '../..'),
  logLevel: 'error',
  plugins: [asNodeLoadsIt],
  ssr: { noExternal: true, target: 'node', resolve: { conditions: ['@salmon-sae/source', 'node', 'default'] } },
  build: {
    ssr: path.join(here, 'gpu.ts'),
    outDir: folder,
    emptyOutDir: false,
    minify: false,
    target: 'node20',
    rolldownOptions: { output: { entryFileNames: 'bench.mjs', codeSplitting: false } },
  },
});

const dawnFolder = path.join(path.dirname(fileURLToPath(import.meta.resolve('webgpu'))), 'dist', process.platform === 'darwin' ? 'darwin-universal' : platform);
// Windows' Dawn brings its shader compilers.
for (const file of readdirSync(dawnFolder)) copyFileSync(path.join(dawnFolder, file), path.join(folder, file));
copyFileSync(path.join(here, 'peers/torch-loop.py'), path.join(folder, 'torch-loop.py'));
if (!options['no-node']) {
  copyFileSync(realpathSync(process.execPath), path.join(folder, path.basename(process.execPath)));
  const run = process.platform === 'win32' ? ['run.cmd', '@"%~dp0node.exe" "%~dp0bench.mjs" %*\r\n'] : ['run', '#!/bin/sh\nhere=$(dirname "$0")\nexec "$here/node" "$here/bench.mjs" "$@"\n'];
  writeFileSync(path.join(folder, run[0]), run[1]);
  chmodSync(path.join(folder, run[0]), 0o755);
}
const tarball = path.resolve(options.out, `${name}-${platform}.tar.gz`);
const packed = spawnSync('tar', ['-czf', tarball, '-C', path.resolve(options.out), name], { stdio: 'inherit' });
if (packed.status !== 0) process.exit(1);
for (const file of readdirSync(folder)) console.log(`${(statSync(path.join(folder, file)).size / 1e6).toFixed(1).padStart(7)} MB  ${file}`);
console.log(`${(statSync(tarball).size / 1e6).toFixed(1).padStart(7)} MB  ${tarball}`);

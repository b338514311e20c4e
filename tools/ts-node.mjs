#!/usr/bin/env node
// Runs a TypeScript entry point with ts-node, workspace packages resolved to their sources (no build needed):
//   node tools/ts-node.mjs packages/pipelines/src/cli/main.ts experiment --quick
import { spawn } from 'node:child_process';

const [entry, ...rest] = process.argv.slice(2);
if (entry === undefined) {
  console.error('usage: node tools/ts-node.mjs <file.ts> [arguments]');
  process.exit(2);
}
const loader = new URL('./ts-node-loader.mjs', import.meta.url).href;
const child = spawn(
  process.execPath,
  ['--enable-source-maps', '--conditions=@salmon-sae/source', `--import=${loader}`, entry, ...rest],
  {
    stdio: 'inherit',
    env: {
      TS_NODE_TRANSPILE_ONLY: 'true',
      TS_NODE_PROJECT: `${import.meta.dirname}/tsconfig.json`,
      TF_CPP_MIN_LOG_LEVEL: '2',
      ...process.env,
    },
  },
);
// Ctrl-C reaches the whole process group; the child decides when to stop (it writes a checkpoint first).
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 0 : 1);
});

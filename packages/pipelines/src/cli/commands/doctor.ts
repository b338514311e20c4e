import { engineReport, ensureEngine } from '@salmon-sae/compute';
import type { EngineReport } from '@salmon-sae/compute';
import type { Command } from 'commander';
import pc from 'picocolors';
import { emit } from '../output.js';
import { compact, Terminal } from '../terminal.js';

interface Options {
  readonly fix?: boolean;
  readonly json?: boolean;
}

/** `salmon doctor`: what computes here and why; `--fix` sets the native engine up. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('show which engine computes and why, threads, GPU, caches, disk; --fix sets the native engine up')
    .option('--fix', 'set up the native engine (libtensorflow and the addon) if it is missing')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  salmon doctor --fix')
    .action(async (options: Options) => {
      const terminal = new Terminal(options.json);
      if (options.fix === true) {
        await ensureEngine({ onProgress: (event) => terminal.progress(event.stage, event.done, event.total ?? event.done, event.unit) });
        terminal.clear();
      }
      const report = await engineReport();
      emit(options.json, report, describe(report));
    });
}

/** What `precision: bf16` means on this machine. */
const BF16: Readonly<Record<EngineReport['bf16'], string>> = {
  amx: 'native products on AMX tiles, several times the speed of float32',
  'avx512-bf16': 'native products on AVX512-BF16',
  avx512: 'native products on AVX-512, about the speed of float32 with half the memory',
  avx2: 'native products on AVX2, about the speed of float32 with half the memory',
  plain: 'native products without vector instructions of a known kind: slower than float32',
  tensorflow: "TensorFlow's own products: the native ops are not in use",
  float32: 'none: products run in float32 on this engine',
};

/** What spares the encoder most of its float32 product. */
const SCREEN: Readonly<Record<NonNullable<EngineReport['screen']>, string>> = {
  tiles: 'screened in bfloat16 on AMX tiles, decided in float32',
  bytes512: 'screened in bytes on AVX512-VNNI, decided in float32',
  bytes256: 'screened in bytes on AVX-VNNI, decided in float32',
  plain: 'screened in bytes, decided in float32',
};

/** Engines with sparse ops of their own, beside the native ones. */
const SPARSE_OPS: Readonly<Record<string, string>> = { webgpu: 'WGSL kernels' };

function describe(report: EngineReport): string {
  const { backend, cache, disk, memory, versions } = report;
  const lines: readonly (readonly [string, string])[] = [
    ['engine', `${backend.name}: ${backend.reason}`],
    ...(backend.notice === undefined ? [] : [['notice', backend.notice] as const]),
    ['versions', Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')],
    ['processor', `${report.cpu}, ${report.threads === 1 ? '1 thread' : `${report.threads} threads`} used`],
    ['sparse ops', backend.nativeOps ? 'native' : (SPARSE_OPS[backend.name] ?? 'not loaded: training and encoding run on plain TensorFlow.js, slower, with the same results')],
    ['encoder', report.screen === undefined ? 'float32 products' : SCREEN[report.screen]],
    ['bfloat16', BF16[report.bf16]],
    ['GPU', backend.gpu ?? (report.gpu === undefined ? 'none' : `${report.gpu}, not used by this engine`)],
    ['memory', `${compact(memory.freeBytes)}B free of ${compact(memory.totalBytes)}B`],
    ['cache', `${cache.folder}, ${compact(cache.bytes)}B (${cache.parts.map(({ name, bytes }) => `${name} ${compact(bytes)}B`).join(', ')})`],
    ['disk', `${compact(disk.freeBytes)}B free at ${disk.folder}`],
  ];
  return lines.map(([name, value]) => `${pc.bold(name.padEnd(11))} ${value}`).join('\n');
}

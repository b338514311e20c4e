import { mkdir, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { SalmonError } from '@salmon-sae/dataflow';
import type { PinnedWheel } from './pinned.js';
import { lastLines, runCommand } from './run-command.js';
import type { OnSetupProgress } from './setup-progress.js';
import { stageMeter } from './setup-progress.js';

const locate = [
  'import importlib.metadata as m, importlib.util as u, json',
  's = u.find_spec("tensorflow")',
  'n = next((d for d in ("tensorflow", "tensorflow-cpu") for v in [m.packages_distributions().get("tensorflow", [])] if d in v), None)',
  'print(json.dumps({"folder": s.submodule_search_locations[0], "version": m.version(n)} if s and n else None))',
].join('\n');

/** Folder and version of a Python TensorFlow, without importing it. */
export async function pythonTensorflow(): Promise<{ readonly folder: string; readonly version: string } | undefined> {
  for (const python of pythons()) {
    const { status, stdout } = await runCommand(python, ['-c', locate], { timeoutMs: 20_000 });
    if (status !== 0) continue;
    try {
      const found = JSON.parse(stdout) as { folder: string; version: string } | null;
      if (found !== null) return found;
    } catch {
      continue; // a wrapper that prints something of its own is no usable Python
    }
  }
  return undefined;
}

/** Downloads one wheel with pip (no dependencies, any host Python) and returns its path. */
export async function pipDownload(pinned: PinnedWheel, folder: string, onProgress?: OnSetupProgress): Promise<string> {
  const destination = path.join(folder, 'wheel');
  const temporary = path.join(folder, 'pip');
  await mkdir(destination);
  await mkdir(temporary);
  const what = `${pinned.distribution}==${pinned.version}`;
  const meter = stageMeter(`downloading ${what} with pip`, 'bytes', { total: pinned.bytes, ...(onProgress === undefined ? {} : { onProgress }) });
  const watch = setInterval(() => {
    void bytesBelow(folder).then((bytes) => meter.at(Math.min(bytes, pinned.bytes)));
  }, 250);
  const complaints: string[] = [];
  try {
    for (const python of pythons()) {
      const { status, stderr } = await runCommand(python, pipArguments(pinned, destination), { env: { TMPDIR: temporary, PIP_NO_INPUT: '1' } });
      const wheel = status === 0 ? (await readdir(destination)).find((name) => name.endsWith('.whl')) : undefined;
      if (wheel !== undefined) {
        meter.at(pinned.bytes);
        return path.join(destination, wheel);
      }
      complaints.push(status === 127 ? `${python}: not installed` : `${python} -m pip: ${lastLines(stderr)}`);
    }
  } finally {
    clearInterval(watch);
  }
  throw new SalmonError('network', { what: `pip could not download ${what}`, got: complaints.join('; '), todo: 'Check that python3 -m pip works and reaches an index' });
}

function pipArguments(pinned: PinnedWheel, destination: string): string[] {
  const { python, abi, platform } = pinned.tags;
  return [
    ...['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--no-cache-dir', '--disable-pip-version-check', '--progress-bar', 'off'],
    ...['--timeout', '20', '--retries', '3'],
    ...['--implementation', 'cp', '--python-version', python, '--abi', abi, '--platform', platform, '--dest', destination],
    `${pinned.distribution}==${pinned.version}`,
  ];
}

function pythons(): readonly string[] {
  const forced = process.env['SALMON_PYTHON'];
  return forced !== undefined && forced !== '' ? [forced] : ['python3', 'python'];
}

async function bytesBelow(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(names.map((name) => stat(path.join(folder, name)).then((s) => (s.isFile() ? s.size : 0), () => 0)));
  return sizes.reduce((sum, n) => sum + n, 0);
}

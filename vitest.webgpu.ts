import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ViteUserConfig } from 'vitest/config';
import { baseVitest } from './vitest.base.ts';

/** Browsers bring SwiftShader, a Vulkan driver that computes on the CPU, and the loader that Dawn needs. */
const browsers = ['/usr/lib/chromium', '/opt/google/chrome'];

export interface WebGpuTests {
  readonly name: string;
  readonly root: string;
  /** Run where WebGPU finds a GPU or SwiftShader; those in `src/webgpu` nowhere else. */
  readonly include: readonly string[];
  /** Run where it finds neither: they check what the user is told. */
  readonly without?: readonly string[];
}

/**
 * A package's tests as two projects: its own, and those on WebGPU, which need a process and an environment to themselves. Without a GPU
 * they run on SwiftShader, with `SALMON_BACKEND=webgpu`; where there is no driver at all, the tests for that case run instead.
 */
export function withWebGpu({ name, root, include, without = [] }: WebGpuTests): ViteUserConfig {
  const plain = baseVitest(name, root);
  const browser = browsers.find((folder) => existsSync(path.join(folder, 'vk_swiftshader_icd.json')));
  if (browser !== undefined) {
    // Read by the dynamic loader when a process starts, so the worker processes must inherit them.
    process.env['LD_LIBRARY_PATH'] = [process.env['LD_LIBRARY_PATH'], browser].filter((part) => part !== undefined && part !== '').join(':');
    process.env['VK_ADD_DRIVER_FILES'] ??= path.join(browser, 'vk_swiftshader_icd.json');
  }
  const chosen = findsAdapter() ? include : without;
  // Reporters belong to the run, not to its projects.
  const test = Object.fromEntries(Object.entries(plain.test ?? {}).filter(([key]) => key !== 'reporters'));
  const projects = [
    { ...plain, test: { ...test, exclude: ['src/webgpu/**', ...without] } },
    { ...plain, test: { ...test, name: `${name} on WebGPU`, include: [...chosen], env: { ...plain.test?.env, SALMON_BACKEND: 'webgpu' } } },
  ];
  return { root, test: { reporters: plain.test?.reporters, projects } } as ViteUserConfig;
}

function findsAdapter(): boolean {
  const probe = `
    const { create, globals } = await import('webgpu');
    Object.assign(globalThis, globals);
    process.exit((await create([]).requestAdapter()) === null ? 1 : 0);`;
  try {
    execFileSync(process.execPath, ['--input-type=module', '-e', probe], { cwd: import.meta.dirname, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

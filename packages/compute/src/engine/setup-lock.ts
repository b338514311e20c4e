import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { lock } from 'proper-lockfile';
import type { OnSetupProgress } from './setup-progress.js';

/** Longer than any pause of a living holder (it renews every 5 s from its event loop, which only waits for children and streams). */
const staleMs = 30_000;

/**
 * Runs `work` while no other process does, machine-wide for one cache folder. A lock left by a killed process is taken over
 * after 30 s. Waits as long as a living process holds it.
 */
export async function withSetupLock<T>(cache: string, work: () => Promise<T>, onProgress?: OnSetupProgress): Promise<T> {
  await mkdir(cache, { recursive: true });
  const began = performance.now();
  const release = await acquire(cache, () => {
    onProgress?.({ stage: 'waiting for another process that is setting up', done: Math.round((performance.now() - began) / 1000), unit: 'steps' });
  });
  try {
    return await work();
  } finally {
    await release();
  }
}

async function acquire(cache: string, waiting: () => void): Promise<() => Promise<void>> {
  for (;;) {
    try {
      return await lock(cache, { stale: staleMs, update: 5_000, realpath: false, lockfilePath: path.join(cache, 'setup.lock') });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      waiting();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}

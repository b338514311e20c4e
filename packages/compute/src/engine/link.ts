import { randomUUID } from 'node:crypto';
import { mkdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';

/** Where node-pre-gyp looks for the addon in the engine's package folder. */
export function addonPlace(engine: string): string {
  return path.join(engine, 'lib/napi-v8/tfjs_binding.node');
}

export async function isLinked(engine: string, addon: string): Promise<boolean> {
  return readlink(addonPlace(engine)).then(
    (target) => target === addon,
    () => false,
  );
}

/** Points the engine's package at the compiled addon; in one rename, so that a process starting meanwhile sees the old or the new one. */
export async function linkAddon(engine: string, addon: string): Promise<void> {
  const place = addonPlace(engine);
  await mkdir(path.dirname(place), { recursive: true });
  const temporary = `${place}.${randomUUID()}`;
  try {
    await symlink(addon, temporary);
    await rename(temporary, place);
  } finally {
    await rm(temporary, { force: true });
  }
}

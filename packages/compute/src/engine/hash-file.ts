import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { StageMeter } from './setup-progress.js';

export async function sha256File(file: string, meter?: StageMeter): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    meter?.add((chunk as Buffer).length);
  }
  return hash.digest('hex');
}

import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@salmon-sae/dataflow';
import { z } from 'zod';

/** A paid answer as it lies on disk. Neither the key nor the prompt is stored, only the prompt's hash. */
export interface CachedAnswer {
  readonly version: 1;
  readonly model: string;
  readonly prompt: string;
  readonly text: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

const schema = z.object({
  version: z.literal(1),
  model: z.string(),
  prompt: z.string(),
  text: z.string(),
  inputTokens: z.number(),
  outputTokens: z.number(),
});

/** One file per answer, named by the hash of all that decides the answer; written to a neighbour and renamed. */
export class AnswerCache {
  constructor(private readonly folder: string) {}

  static key(parts: readonly (string | number)[]): string {
    return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  }

  /** Undefined if absent or not readable as an answer (it is then asked for again and overwritten). */
  async get(key: string): Promise<CachedAnswer | undefined> {
    let text: string;
    try {
      text = await readFile(this.path(key), 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return undefined;
    }
    const parsed = schema.safeParse(json);
    return parsed.success ? parsed.data : undefined;
  }

  async put(key: string, answer: CachedAnswer): Promise<void> {
    await mkdir(join(this.folder, key.slice(0, 2)), { recursive: true });
    await writeFileAtomic(this.path(key), JSON.stringify(answer));
  }

  private path(key: string): string {
    return join(this.folder, key.slice(0, 2), `${key}.json`);
  }
}

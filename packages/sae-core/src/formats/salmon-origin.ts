import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Provenance, SaeState, Site } from '@salmon-sae/dataflow';
import { z } from 'zod';
import { readJsonObject } from './read-json.js';

/** What other libraries' layouts have no place for lies beside them, in a file they do not read. */
export const ORIGIN_FILE = 'salmon.json';

const number = z.number().nonnegative();
const schema = z.object({
  format: z.literal(1),
  scale: z.number().positive(),
  site: z.object({ model: z.string(), hook: z.string(), width: z.int().positive() }),
  trained: z.object({ tokens: number, steps: number, seed: z.number(), versions: z.record(z.string(), z.string()), facts: z.record(z.string(), z.json()) }),
});

export interface Origin {
  readonly scale: number;
  readonly site: Site;
  readonly trained: Provenance;
}

export function originJson(state: SaeState): string {
  return `${JSON.stringify({ format: 1, scale: state.scale, site: state.site, trained: state.trained }, null, 2)}\n`;
}

/** Scale, site and provenance of an SAE that this project wrote; undefined for others'. */
export async function readOrigin(folder: string): Promise<Origin | undefined> {
  const path = join(folder, ORIGIN_FILE);
  if (!existsSync(path)) return undefined;
  const parsed = schema.safeParse(await readJsonObject(path));
  if (parsed.success) return parsed.data as Origin;
  const issue = parsed.error.issues[0];
  throw new SalmonError('bad-file', { what: `Provenance is malformed: ${issue?.message ?? ''}`, where: `${path}: ${issue?.path.join('.') ?? ''}`, todo: 'Remove the file to load the SAE without its provenance' });
}

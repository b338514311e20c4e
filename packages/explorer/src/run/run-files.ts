import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SalmonError } from '@salmon-sae/dataflow';
import { z } from 'zod';

/** The files of a run that the explorer reads; only the fields it needs, everything else is let through unread. */

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dot, dash and underscore');
const measure = z.object({ value: z.number(), low: z.number().optional(), high: z.number().optional() });

const saeSchema = z.object({
  name,
  path: z.string().min(1),
  arm: z.string().min(1),
  text: z.string().min(1),
  latents: z.int().positive(),
  targetL0: z.number().optional(),
  seed: z.number().optional(),
  headline: z.boolean().optional(),
});

const configSchema = z.object({
  model: z.object({ source: z.string().min(1), hook: z.string().min(1), precision: z.enum(['f32', 'bf16']).optional() }),
});

const textMetrics = z.record(z.string(), z.union([measure, z.unknown()])).transform((metrics) =>
  Object.fromEntries(
    Object.entries(metrics).flatMap(([key, value]) => {
      const parsed = measure.safeParse(value);
      return parsed.success ? [[key, parsed.data] as const] : [];
    }),
  ),
);

const reportSchema = z.object({
  version: z.literal(1),
  title: z.string(),
  summary: z.string().optional(),
  run: z.object({ id: z.string(), created: z.string(), model: z.string(), hook: z.string(), width: z.int().positive() }),
  arms: z.array(z.object({ id: z.string(), label: z.string(), description: z.string() })),
  saes: z.array(
    z.object({
      sae: z.string(),
      arm: z.string(),
      latents: z.int().positive(),
      targetL0: z.number().optional(),
      seed: z.number().optional(),
      texts: z.record(z.string(), textMetrics),
    }),
  ),
  verdict: z.object({ paragraph: z.string() }).optional(),
  densities: z
    .array(
      z.object({
        sae: z.string(),
        arm: z.string(),
        text: z.string(),
        edges: z.array(z.number()),
        counts: z.array(z.number()),
        silent: z.number(),
      }),
    )
    .optional(),
});

export type RunConfig = z.infer<typeof configSchema>;
export type RunReport = z.infer<typeof reportSchema>;
export type RunSae = z.infer<typeof saeSchema>;

export interface RunFiles {
  readonly folder: string;
  readonly config: RunConfig;
  readonly report: RunReport;
  readonly saes: readonly RunSae[];
}

/** Reads and checks a run's own files. Throws `missing-file` for a folder that holds no finished run, `bad-file` naming file and field. */
export async function readRunFiles(run: string): Promise<RunFiles> {
  const folder = resolve(run);
  const there = await stat(folder).then((s) => s.isDirectory(), () => false);
  if (!there) {
    throw new SalmonError('missing-file', { what: 'There is no run folder', where: folder, expected: 'the folder that `salmon experiment --out` wrote', got: 'nothing there', todo: 'Name an existing run' });
  }
  const config = await readChecked(folder, 'config.json', configSchema);
  const report = await readChecked(folder, 'report.json', reportSchema);
  const saes = await readChecked(folder, 'saes.json', z.array(saeSchema).min(1));
  return { folder, config, report, saes };
}

async function readChecked<T>(folder: string, file: string, schema: z.ZodType<T>): Promise<T> {
  const where = join(folder, file);
  let text: string;
  try {
    text = await readFile(where, 'utf8');
  } catch (cause) {
    throw new SalmonError(
      'missing-file',
      { what: 'The run is not finished, or this is no run folder', where, expected: `a readable ${file}`, got: (cause as NodeJS.ErrnoException).code ?? String(cause), todo: 'Finish the run with `salmon experiment --resume`' },
      { cause },
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new SalmonError('bad-file', { what: 'A file of the run is not JSON', where, expected: 'JSON', got: (cause as Error).message, todo: 'Run the experiment again' }, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SalmonError('bad-file', {
    what: 'A file of the run has a field that cannot be read',
    where: `${where}, ${issue?.path.join('.') || 'top level'}`,
    expected: 'a run written by this version of salmon',
    got: issue?.message ?? 'an unknown form',
    todo: 'Run the experiment again with this version',
  });
}

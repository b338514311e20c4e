import { documentSourceSchema } from '@salmon-sae/corpus';
import { SalmonError } from '@salmon-sae/dataflow';
import { trainConfigJsonSchema } from '@salmon-sae/sae-core';
import type { ArchitectureConfig } from '@salmon-sae/sae-core';
import { z } from 'zod';

/** What `salmon train` and `salmon boost` read: data, SAEs, where to write. Every field checked, unknown fields refused. */

const text = z.string().min(1);
const positive = z.int().positive();

const mixing = {
  /** Activation rows mixed at a time. */
  reservoir: positive.default(250_000),
  seed: z.int().default(0),
  batch: positive.default(2048),
};

export const trainingDataSchema = z.discriminatedUnion('kind', [
  /** Rows of a safetensors file in file order: x [N,d] cut into batches, or [S,B,d] one batch a slab. */
  z.strictObject({ kind: z.literal('safetensors'), path: text, tensor: text.default('x'), target: text.exactOptional(), batch: positive.default(2048) }),
  /** A store written by `salmon harvest`, in seeded shuffled order. */
  z.strictObject({ kind: z.literal('store'), path: text, hook: text.exactOptional(), epochs: positive.default(1), ...mixing }),
  /** Text through a language model, live. */
  z.strictObject({
    kind: z.literal('text'),
    model: text,
    hook: text,
    source: documentSourceSchema,
    context: positive.default(256),
    batchRows: positive.default(16),
    specials: z.enum(['exclude', 'include']).default('exclude'),
    /** Weights and products of the language model. */
    precision: z.enum(['f32', 'bf16']).default('f32'),
    /** `process`: the language model runs in a process of its own, on `threads` threads, while this one trains. The SAEs are the same to the bit. */
    harvest: z.strictObject({ process: z.boolean().default(false), threads: positive.exactOptional() }).default({ process: false }),
    ...mixing,
  }),
]);

export const trainingFileSchema = z.strictObject({
  /** Where editors find the schema: `train.schema.json` of this package. */
  $schema: text.exactOptional(),
  /** Folder to write: one SAELens folder per SAE, steps.jsonl, checkpoints. */
  out: text,
  data: trainingDataSchema,
  /** Only for `salmon boost`: the frozen SAE whose error is learnt. */
  base: text.exactOptional(),
  saes: z
    .array(
      z.strictObject({
        id: text.exactOptional(),
        sae: z.looseObject({ kind: text, latents: positive }),
        training: z.record(z.string(), z.unknown()).exactOptional(),
      }),
    )
    .min(1),
  /** Options for every SAE; a SAE's own go over them. */
  training: z.record(z.string(), z.unknown()).default({}),
  /** Start from given weights: SAE id -> tensors of a safetensors file whose names begin with `prefix`. */
  initial: z.record(z.string(), z.strictObject({ path: text, prefix: z.string().default('') })).default({}),
  checkpoints: z.strictObject({ everySteps: positive, keep: positive.default(2) }).default({ everySteps: 500, keep: 2 }),
  /** Also write TensorBoard event files. */
  tensorboard: z.boolean().default(false),
});

export type TrainingFile = z.output<typeof trainingFileSchema>;
export type TrainingData = z.output<typeof trainingDataSchema>;
export type TrainingSae = TrainingFile['saes'][number] & { readonly sae: ArchitectureConfig };

/** Checks a training file; the error names every wrong field. */
export function parseTrainingFile(input: unknown, where: string): TrainingFile {
  const result = trainingFileSchema.safeParse(input);
  if (result.success) return result.data;
  throw new SalmonError('bad-config', {
    what: 'The training configuration has wrong or unknown fields',
    where,
    got: result.error.issues.map((issue) => `${issue.path.join('.') || '(top level)'}: ${issue.message}`).join('; '),
    todo: 'Correct the fields named; `salmon train --schema` prints the JSON schema for editors',
  });
}

/** JSON Schema (2020-12) of a training file, every architecture and option included; the package ships it as `train.schema.json`. */
export function trainingFileJsonSchema(): Readonly<Record<string, unknown>> {
  const file = z.toJSONSchema(trainingFileSchema, { io: 'input', unrepresentable: 'any' }) as unknown as SchemaObject;
  const saes = trainConfigJsonSchema() as unknown as SchemaObject;
  const { saes: list, training } = saes.properties;
  return { ...file, title: 'salmon train', properties: { ...file.properties, saes: list, training }, $defs: { ...file.$defs, ...saes.$defs } };
}

interface SchemaObject {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly $defs?: Readonly<Record<string, unknown>>;
}

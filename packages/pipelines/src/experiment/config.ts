import { documentSourceSchema } from '@salmon-sae/corpus';
import { SalmonError } from '@salmon-sae/dataflow';
import { z } from 'zod';

/**
 * The experiment's configuration: plain JSON, every field checked, unknown fields refused. `defaults.ts` holds the
 * embedded default with the reason for each number; a user's file names only what differs.
 */

const positive = z.number().int().positive();
const share = z.number().gt(0).lt(1);

/** One text of the comparison. With `evalSource`, that text is held out as it stands; without, the split is by document hash. */
export const corpusSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]*$/, 'lower-case letters, digits, - and _'),
  title: z.string().min(1),
  source: documentSourceSchema,
  evalSource: documentSourceSchema.exactOptional(),
});

export const experimentSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'lower-case letters, digits, . - and _'),
  title: z.string().min(1),
  model: z.strictObject({
    /** A Hugging Face folder, or hf:org/name[@revision]. */
    source: z.string().min(1),
    hook: z.string().min(1),
    precision: z.enum(['f32', 'bf16']),
    /** Tokens a row. */
    context: positive,
    batchRows: positive,
    /** What a dry run needs to know of a model that is not on this machine yet. */
    facts: z.strictObject({ parameters: positive, width: positive, layers: positive, vocabulary: positive, downloadBytes: positive }).exactOptional(),
  }),
  broad: corpusSchema,
  domains: z.array(corpusSchema).min(1),
  split: z.strictObject({ seed: z.number().int(), evalShare: share }),
  tokens: z.strictObject({
    /** Training tokens of each text (the same for every arm); fewer where the text ends. */
    train: positive,
    /** Held-out tokens of each text for reconstruction metrics and the linear-residual split. */
    eval: positive,
    /** Held-out tokens of each text for cross-entropy with the reconstruction spliced in. */
    loss: positive,
  }),
  /** Special tokens in training; `include` is how the paper's own SAEs were trained. Metrics are always given both ways, the main ones without. */
  specials: z.enum(['exclude', 'include']),
  arms: z.array(z.enum(['broad', 'domain', 'boosted', 'full-finetune', 'extended-random', 'extended-active', 'stitched'])).min(1),
  /** Trained SAEs that take the broad arm's place (for example Gemma Scope), instead of training it; `l0` is their nominal L0. */
  broadSaes: z.array(z.strictObject({ source: z.string().min(1), latents: positive, l0: z.number().positive() })).min(1).exactOptional(),
  grid: z.strictObject({
    latents: z.array(positive).min(1),
    targetL0: z.array(z.number().positive()).min(1),
    /** Every seed trains at the headline setting; only the first at the other points of the grid. */
    seeds: z.array(z.number().int()).min(1),
    headline: z.strictObject({ latents: positive, targetL0: z.number().positive() }),
    /** `headline`: other seeds only there; `all`: every point with every seed. */
    seedsAt: z.enum(['headline', 'all']),
  }),
  boosting: z.strictObject({
    latents: positive,
    k: z.number().positive(),
    epochs: positive,
    /** Further residual SAEs on the first seed's headline base: other k on all tokens, and `k` on fewer or more tokens. */
    sweep: z.strictObject({ k: z.array(z.number().positive()), tokens: z.array(positive) }).exactOptional(),
  }),
  training: z.strictObject({
    batch: positive,
    epochs: positive,
    learningRate: z.number().positive(),
    /** Activation rows held for mixing. */
    reservoir: positive,
  }),
  /** false leaves out the report's further tables (absorption, probes, description length, ...); default true. */
  extras: z.boolean().exactOptional(),
  bootstrap: z.strictObject({ samples: positive, seed: z.number().int() }),
  interpretation: z.strictObject({
    /** Latents scored per arm, drawn at random among those with enough active windows; 0 = none. */
    latents: z.number().int().min(0),
    window: positive,
    minExamples: positive,
  }),
});

export type ExperimentConfig = z.infer<typeof experimentSchema>;
export type CorpusConfig = z.infer<typeof corpusSchema>;
export type ArmName = ExperimentConfig['arms'][number];

/** Checks a configuration; the error names every wrong field, what stood there and what belongs there. */
export function parseExperiment(input: unknown, where: string): ExperimentConfig {
  const result = experimentSchema.safeParse(input);
  if (!result.success) {
    throw new SalmonError('bad-config', {
      what: 'The experiment configuration has wrong or unknown fields',
      where,
      got: result.error.issues.map((issue) => `${issue.path.join('.') || '(top level)'}: ${issue.message}`).join('; '),
      todo: 'Correct the fields named; `salmon experiment --print-config` shows a complete configuration',
    });
  }
  const { grid } = result.data;
  if (!grid.latents.includes(grid.headline.latents) || !grid.targetL0.includes(grid.headline.targetL0)) {
    throw new SalmonError('bad-config', {
      what: 'The headline setting is not a point of the grid',
      where: `${where}: grid.headline`,
      expected: `latents in [${grid.latents.join(', ')}] and targetL0 in [${grid.targetL0.join(', ')}]`,
      got: `latents ${grid.headline.latents}, targetL0 ${grid.headline.targetL0}`,
      todo: 'Add the headline point to the grid or choose one of its points',
    });
  }
  return result.data;
}

import type { FeatureCard } from '@salmon-sae/dataflow';
import { z } from 'zod';

export const effectsSchema = z.array(z.object({ token: z.string(), value: z.number() }));

export const contextsSchema = z.array(
  z
    .object({
      doc: z.string(),
      domain: z.string(),
      tokens: z.array(z.string()).min(1),
      activations: z.array(z.number()),
      peak: z.number(),
      quantile: z.int().min(-1),
      pool: z.enum(['explainer', 'scorer']).exactOptional(),
    })
    .refine((context) => context.tokens.length === context.activations.length, 'as many activations as tokens'),
);

export const neighboursSchema = z.array(z.object({ sae: z.string(), latent: z.int().min(0), cosine: z.number() }));

export const scoresSchema = z.array(
  z.object({
    scorer: z.string(),
    metric: z.string(),
    value: z.number(),
    low: z.number(),
    high: z.number(),
    n: z.number(),
    control: z.number().exactOptional(),
    controlLow: z.number().exactOptional(),
    controlHigh: z.number().exactOptional(),
  }),
);

export const histogramSchema = z
  .object({ edges: z.array(z.number()), counts: z.array(z.number().min(0)) })
  .refine(({ edges, counts }) => edges.length === (counts.length === 0 ? 0 : counts.length + 1), 'one edge more than counts');

export const domainShareSchema = z.record(z.string(), z.number().min(0).max(1));

/** A feature card as JSON: what every reader of stored cards checks them with. */
export const featureCardSchema: z.ZodType<FeatureCard> = z.object({
  sae: z.string(),
  latent: z.int().min(0),
  density: z.number().min(0).max(1),
  maxActivation: z.number(),
  contexts: contextsSchema,
  promoted: effectsSchema,
  suppressed: effectsSchema,
  neighbours: neighboursSchema,
  explanation: z.object({ text: z.string(), method: z.string(), scores: scoresSchema }).exactOptional(),
  histogram: histogramSchema.exactOptional(),
  domainShare: domainShareSchema.exactOptional(),
  denseClass: z.string().nullable().exactOptional(),
});

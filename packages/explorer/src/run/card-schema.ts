import { z } from 'zod';
import type { CardData } from '../wire.js';

const effect = z.object({ token: z.string(), value: z.number() });

const context = z
  .object({
    doc: z.string(),
    domain: z.string(),
    tokens: z.array(z.string()).min(1),
    activations: z.array(z.number()),
    peak: z.number(),
    quantile: z.int().min(-1),
    pool: z.enum(['explainer', 'scorer']).optional(),
  })
  .refine((c) => c.tokens.length === c.activations.length, 'as many activations as tokens');

/** One line of `cards/<text>/<sae>.jsonl`. */
export const cardSchema: z.ZodType<CardData> = z.object({
  sae: z.string(),
  latent: z.int().min(0),
  density: z.number().min(0).max(1),
  maxActivation: z.number(),
  contexts: z.array(context),
  promoted: z.array(effect),
  suppressed: z.array(effect),
  neighbours: z.array(z.object({ sae: z.string(), latent: z.int().min(0), cosine: z.number() })),
  explanation: z
    .object({
      text: z.string(),
      method: z.string(),
      scores: z.array(
        z.object({ scorer: z.string(), metric: z.string(), value: z.number(), low: z.number(), high: z.number(), n: z.number(), control: z.number().optional() }),
      ),
    })
    .optional(),
  denseClass: z.string().optional(),
});

import type { LatentExamples } from '../examples/examples.js';
import type { Explained, Explainer } from './explainer.js';
import { inOrder } from './in-order.js';

export interface ExplainManyOptions {
  /** Latents under way at a time; more than 1 only helps explainers that wait. */
  readonly concurrency?: number;
}

/** Explains latents in order; those without an explanation (no examples, unreadable answer) come out as undefined. */
export async function* explainLatents(
  latents: Iterable<number>,
  by: { readonly explainer: Explainer; readonly examples: (latent: number) => LatentExamples },
  options: ExplainManyOptions = {},
): AsyncGenerator<{ readonly latent: number; readonly explained: Explained | undefined }> {
  yield* inOrder(latents, options.concurrency ?? 1, async (latent) => ({ latent, explained: await by.explainer.explain(by.examples(latent)) }));
}

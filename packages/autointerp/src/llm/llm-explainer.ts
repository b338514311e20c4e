import type { Tokenizer } from '@salmon-sae/dataflow';
import { z } from 'zod';
import type { Example } from '../examples/examples.js';
import type { Explainer } from '../explain/explainer.js';
import { windowReader } from '../explain/text-window.js';
import { explainPrompt } from '../prompts/explain.js';
import type { ShownExample } from '../prompts/explain.js';
import type { LlmClient } from './client.js';

const answer = z.object({ explanation: z.string().trim().min(1).max(600) });

export interface LlmExplainerOptions {
  readonly tokenizer: Pick<Tokenizer, 'token'>;
  /** Activating windows shown, evenly over the quantiles. */
  readonly shown?: number;
  /** Silent windows shown for contrast (the hard ones). */
  readonly contrast?: number;
}

/** Explains latents with a language model over HTTP. */
export function llmExplainer(client: LlmClient, options: LlmExplainerOptions): Explainer {
  const read = windowReader(options.tokenizer);
  const show = (example: Example): ShownExample => ({ example, text: read(example) });
  return {
    method: `${client.id}/explain-1`,
    explain: async (examples) => {
      const sample = evenly(examples.explainer.quantiles, options.shown ?? 20);
      if (sample.length === 0) return undefined;
      const silent = examples.explainer.hard.slice(0, options.contrast ?? 5);
      const prompt = explainPrompt(sample.map(show), silent.map(show), examples.maxActivation);
      const reply = await client.ask(prompt, answer);
      if (reply === undefined) return undefined;
      return { sae: examples.sae, latent: examples.latent, text: reply.explanation, method: `${client.id}/${prompt.version}` };
    },
  };
}

/** The first of each quantile, then the second of each, until there are enough; strongest first. */
function evenly(quantiles: readonly (readonly Example[])[], wanted: number): readonly Example[] {
  const longest = Math.max(0, ...quantiles.map((list) => list.length));
  const inTurn = Array.from({ length: longest }, (_, i) => quantiles.flatMap((list) => list.slice(i, i + 1))).flat();
  return inTurn.slice(0, wanted).sort((a, b) => b.peak - a.peak);
}

import type { LanguageModel } from '@salmon-sae/dataflow';
import type { LatentExamples } from '../examples/examples.js';
import { aucInterval } from '../statistics/ranking.js';
import { bothClasses, settings } from './detection-score.js';
import type { ScoreOptions } from './detection-score.js';
import { chunks, toRows } from './language-model-rows.js';
import { truthOf } from './surprisal-score.js';
import type { TextScore } from './surprisal-score.js';

/** Turns token lists into vectors of one length. */
export interface Embedder {
  readonly method: string;
  embed(texts: readonly Int32Array[]): Promise<readonly Float32Array[]>;
}

/** Mean of a hook's activations over a text's tokens (BOS left out): a plain sentence vector from the model at hand. */
export function activationEmbedder(model: Pick<LanguageModel, 'forward' | 'tokenizer' | 'info' | 'hookWidth'>, hook: string): Embedder {
  const width = model.hookWidth(hook);
  return {
    method: `${model.info.id}/${hook}/mean`,
    embed: async (texts) =>
      chunks(texts, 16).flatMap((group) => {
        const rows = toRows(group, model);
        const values = model.forward(rows, { hooks: [hook] }).activations[hook] ?? new Float32Array(0);
        return group.map((ids, r) => {
          const mean = new Float32Array(width);
          for (let t = rows.lead; t < rows.lead + ids.length; t++) {
            const base = (r * rows.context + t) * width;
            for (let d = 0; d < width; d++) mean[d] = (mean[d] as number) + (values[base + d] as number) / ids.length;
          }
          return mean;
        });
      }),
  };
}

/**
 * Embedding (delphi): is the explanation's vector nearer to windows in which the latent fires? AUC of the cosine, all vectors
 * centred on the mean of the windows, which language-model activations need (one direction dominates them).
 */
export async function embeddingScore(
  examples: LatentExamples,
  by: { readonly text: string; readonly tokenizer: Pick<LanguageModel['tokenizer'], 'encode'>; readonly embedder: Embedder },
  options: ScoreOptions = {},
): Promise<TextScore | undefined> {
  const { scorer } = examples;
  const items = [...scorer.quantiles.flat(), ...scorer.random, ...scorer.hard];
  const query = by.tokenizer.encode(by.text);
  if (!bothClasses(items) || query.length === 0) return undefined;
  const [asked, ...vectors] = await by.embedder.embed([query, ...items.map((item) => item.ids)]);
  const width = asked?.length ?? 0;
  const centre = new Float64Array(width);
  for (const vector of vectors) for (let d = 0; d < width; d++) centre[d] = (centre[d] as number) + (vector[d] as number) / vectors.length;
  const scores = vectors.map((vector) => cosine(asked as Float32Array, vector, centre));
  return { scorer: 'embedding', method: by.embedder.method, auc: aucInterval({ scores, truth: truthOf(items) }, settings(options)) };
}

function cosine(a: Float32Array, b: Float32Array, centre: Float64Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let d = 0; d < a.length; d++) {
    const x = (a[d] as number) - (centre[d] as number);
    const y = (b[d] as number) - (centre[d] as number);
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

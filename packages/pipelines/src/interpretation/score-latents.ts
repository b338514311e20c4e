import {
  activationEmbedder,
  claimedTokens,
  embeddingScore,
  interventionScore,
  interventionScores,
  scoreExplanations,
  shuffledExplanations,
  surprisalScore,
  textScores,
} from '@salmon-sae/autointerp';
import type { Embedder, ExampleBook, Explained, Judge } from '@salmon-sae/autointerp';
import type { Explanation, ExplanationScore, LanguageModel } from '@salmon-sae/dataflow';

export const SCORERS = ['detection', 'fuzzing', 'simulation', 'embedding', 'surprisal', 'intervention'] as const;
export type Scorer = (typeof SCORERS)[number];

export interface ScoreTask {
  readonly book: ExampleBook;
  readonly judge: Judge;
  readonly model: LanguageModel;
  readonly hook: string;
  readonly scorers: readonly Scorer[];
  /** What is added to steer a latent, its decoder row; without it there is no intervention score. */
  readonly direction?: (latent: number) => Float32Array;
  readonly seed: number;
  /** Also score each latent with the explanation of another one of the list, and steer along random directions. */
  readonly control: boolean;
}

export interface ScoredLatent {
  readonly latent: number;
  readonly explanation: Explanation;
}

/** Scores explanations by the judge's scorers and by those that ask the language model itself, in order. */
export async function* scoreLatents(explained: readonly Explained[], task: ScoreTask): AsyncGenerator<ScoredLatent> {
  const { book, judge, seed, control } = task;
  const judged = (['detection', 'fuzzing', 'simulation'] as const).filter((scorer) => task.scorers.includes(scorer));
  const embedder = task.scorers.includes('embedding') ? activationEmbedder(task.model, task.hook) : undefined;
  // The same permutation that scoreExplanations uses for this list and seed.
  const others = control ? shuffledExplanations(explained, seed) : [];
  let index = 0;
  for await (const scored of scoreExplanations(explained, { judge, examples: (of) => book.latent(of.sae, of.latent) }, { scorers: judged, seed, control })) {
    const more = await modelScores({ own: scored.explained, other: others[index++], embedder }, task);
    const { explanation } = scored;
    yield { latent: scored.explained.latent, explanation: { ...explanation, scores: [...explanation.scores, ...more] } };
  }
}

async function modelScores(
  of: { readonly own: Explained; readonly other: Explained | undefined; readonly embedder: Embedder | undefined },
  task: ScoreTask,
): Promise<readonly ExplanationScore[]> {
  const { own, other, embedder } = of;
  const { model, hook, seed, control } = task;
  const windows = task.book.latent(own.sae, own.latent);
  const out: ExplanationScore[] = [];
  if (embedder !== undefined) {
    const score = (explained: Explained): ReturnType<typeof embeddingScore> => embeddingScore(windows, { text: explained.text, tokenizer: model.tokenizer, embedder }, { seed });
    const first = await score(own);
    if (first !== undefined) out.push(...textScores(first, other === undefined ? undefined : await score(other)));
  }
  if (task.scorers.includes('surprisal')) {
    const score = (explained: Explained): ReturnType<typeof surprisalScore> => surprisalScore(windows, { text: explained.text, model }, { seed });
    const first = score(own);
    if (first !== undefined) out.push(...textScores(first, other === undefined ? undefined : score(other)));
  }
  const direction = task.scorers.includes('intervention') ? task.direction?.(own.latent) : undefined;
  if (direction !== undefined) {
    const claimed = claimedTokens(own, model.tokenizer);
    const shuffled = other === undefined ? {} : { shuffled: claimedTokens(other, model.tokenizer) };
    const score = interventionScore(windows, { model, hook, direction, claimed, ...shuffled }, { seed, ...(control ? {} : { randomDirections: 0 }) });
    if (score !== undefined) out.push(...interventionScores(score));
  }
  return out;
}

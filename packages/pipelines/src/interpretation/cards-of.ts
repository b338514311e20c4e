import { eachFeatureCard } from '@salmon-sae/autointerp';
import type { CardArm } from '@salmon-sae/autointerp';
import type { FeatureCard } from '@salmon-sae/dataflow';
import type { Interpretation, InterpretTask } from './interpret-saes.js';

/** Cards of every latent that fired, explained or not, SAE after SAE (after an interruption: of the explained ones only); `names`: of these SAEs only. */
export async function* cardsOf(task: InterpretTask, interpretation: Interpretation, names?: readonly string[]): AsyncGenerator<FeatureCard> {
  const { book } = interpretation;
  const { model } = task;
  const arms = task.saes.flatMap(({ name, sae }): CardArm[] => {
    const decoder = sae.state.weights['W_dec'];
    const found = interpretation.saes.find((one) => one.name === name);
    if (decoder === undefined || found === undefined) return [];
    const explanations = new Map([...found.unscored, ...found.scored].map(({ latent, explanation }) => [latent, explanation]));
    return [{ sae: name, decoder, explanations, denseClasses: new Map(found.dense.map(({ latent, classes }) => [latent, classes])) }];
  });
  for (const arm of arms.filter(({ sae }) => names === undefined || names.includes(sae))) {
    const width = arm.decoder.shape[1];
    // Decoders of another width (transcoders to another hook) have no cosine with these.
    const others = arms.filter((other) => other !== arm && other.decoder.shape[1] === width);
    // Only directions of the residual stream reach the unembedding.
    const effects = width === model.info.width ? { model } : {};
    const some = interpretation.stopped === 'interrupted' ? { latents: [...(arm.explanations?.keys() ?? [])] } : {};
    yield* eachFeatureCard(arm, { book, tokenizer: model.tokenizer, ...effects, others }, some);
  }
}

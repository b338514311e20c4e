import { random } from '@salmon-sae/dataflow';
import type { Explained } from '../explain/explainer.js';

/**
 * The chance control: every latent gets the explanation of another one (a random cyclic permutation, so none keeps its
 * own). Empty if there are fewer than two.
 */
export function shuffledExplanations(explained: readonly Explained[], seed: number): readonly Explained[] {
  if (explained.length < 2) return [];
  const order = random(seed, 'shuffled-explanations').shuffle([...explained.keys()]);
  const out = new Array<Explained>(explained.length);
  order.forEach((own, i) => {
    const giver = explained[order[(i + 1) % order.length] as number] as Explained;
    const { sae, latent } = explained[own] as Explained;
    out[own] = { ...giver, sae, latent };
  });
  return out;
}

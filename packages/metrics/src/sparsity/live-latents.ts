import type { LatentShare } from './latent-share.js';

/** `latents_live@1`: share of latents that fired on at least one evaluated token (dictionary_learning's `frac_alive`). Grows with the sample. */
export const liveLatents: LatentShare = { id: 'latents_live@1', counts: (fired) => fired > 0 };

/** `latents_dead@1` = 1 − `latents_live@1`. */
export const deadLatents: LatentShare = { id: 'latents_dead@1', counts: (fired) => fired === 0 };

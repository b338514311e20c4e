import type { LatentShare } from './latent-share.js';

/** `latents_dense@1`: share of latents active on more than 10% of tokens (arXiv 2506.15679). */
export const denseShare: LatentShare = { id: 'latents_dense@1', counts: (fired, tokens) => fired > 0.1 * tokens };

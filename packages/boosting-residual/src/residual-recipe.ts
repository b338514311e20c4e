/**
 * The residual SAE's recipe (SAE Boost, arXiv 2507.12990): BatchTopK with k = 5 over 1024 latents, no decoder bias, so that it adds exactly 0
 * where none of its latents fires. As an architecture configuration of sae-core: `{ ...residualRecipe.sae, latents: 1024 }`.
 */
export const residualRecipe = {
  sae: {
    kind: 'batchtopk',
    /** Used for every domain in the paper. Scale it with the base: the paper's base is about 16 times as wide. */
    latents: 1024,
    /** The paper's table 12 tries 5, 10, 20, 50: 5 is the best trade of variance explained against interpretability. */
    k: 5,
    /** Section 3.1: an encoder bias, no decoder bias, x as it is. */
    encoderBias: true,
    decoderBias: false,
    applyDecoderBiasToInput: false,
  },
  /** Tokens per domain: the paper used 1 billion; below 100 million general text suffered, from about 200 million it converged (section 4.2.5). */
  tokens: { reference: 1_000_000_000, enough: 200_000_000, tooFew: 100_000_000 },
} as const;

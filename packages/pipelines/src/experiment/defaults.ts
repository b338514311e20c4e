import type { ExperimentConfig } from './config.js';

/**
 * The embedded default: the real experiment in small, offline, on two processor cores.
 * - model: the bundled minnow (Gemma-2 architecture, d = 192); site after the fifth of six blocks, about two thirds deep,
 *   as layer 20 of 26 in arXiv 2508.09363.
 * - text: WordNet as questions and answers; medical subtree against everything else.
 * - L0 targets shrink with d: the paper's 20..320 at d = 2304 become 4..16 at d = 192.
 */
export function embeddedDefault(modelFolder: string): ExperimentConfig {
  return {
    name: 'wordnet-medical',
    title: 'WordNet: medical against broad',
    model: { source: modelFolder, hook: 'resid_post.4', precision: 'f32', context: 128, batchRows: 32 },
    broad: { name: 'broad', title: 'WordNet without medicine', source: { kind: 'wordnet', part: 'broad' } },
    domains: [{ name: 'medical', title: 'WordNet medicine', source: { kind: 'wordnet', part: 'medical' } }],
    split: { seed: 7, evalShare: 0.15 },
    tokens: { train: 300_000, eval: 40_000, loss: 12_000 },
    specials: 'exclude',
    arms: ['broad', 'domain', 'boosted'],
    grid: {
      latents: [1536],
      targetL0: [4, 8, 16],
      seeds: [1, 2, 3],
      headline: { latents: 1536, targetL0: 8 },
      seedsAt: 'all',
    },
    boosting: { latents: 192, k: 3, epochs: 2 },
    training: { batch: 1024, epochs: 2, learningRate: 1e-3, reservoir: 65_536 },
    bootstrap: { samples: 1000, seed: 11 },
    interpretation: { latents: 60, window: 24, minExamples: 20 },
  };
}

/** The two-minute version: fewer tokens, one epoch, one seed. */
export function quick(config: ExperimentConfig): ExperimentConfig {
  return {
    ...config,
    name: `${config.name}-quick`,
    tokens: { train: 60_000, eval: 12_000, loss: 4_000 },
    grid: {
      ...config.grid,
      latents: [768],
      seeds: config.grid.seeds.slice(0, 1),
      headline: { ...config.grid.headline, latents: 768 },
    },
    boosting: { ...config.boosting, latents: 96, epochs: 1 },
    // Steps enough for every target L0 to be reached: with batches of 512 the sparsest SAE was not.
    training: { ...config.training, batch: 256, epochs: 1, reservoir: 32_768 },
    bootstrap: { ...config.bootstrap, samples: 300 },
    interpretation: { ...config.interpretation, latents: 30, minExamples: 10 },
  };
}

/** What changes when only the WebAssembly engine is at hand (about a tenth of the native engine's speed). */
export function forSlowEngine(config: ExperimentConfig): ExperimentConfig {
  const fewer = quick(config);
  return {
    ...fewer,
    name: `${config.name}-small`,
    tokens: { train: 40_000, eval: 8_000, loss: 2_000 },
    grid: { ...fewer.grid, latents: [384], headline: { ...fewer.grid.headline, latents: 384 } },
    boosting: { ...fewer.boosting, latents: 48 },
    training: { ...fewer.training, batch: 128 },
    interpretation: { ...fewer.interpretation, latents: 12 },
  };
}

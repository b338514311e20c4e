import { measureMatrixRate } from '@salmon-sae/sae-core';
import type { ExperimentConfig } from './config.js';
import { planArms } from './plan.js';

/** What an experiment will take, from its configuration and the matrix rate measured on this machine. */
export interface ExperimentEstimate {
  readonly saes: number;
  readonly downloadBytes: number;
  readonly modelBytes: number;
  readonly activationBytes: number;
  readonly trainingBytes: number;
  readonly harvestFlops: number;
  readonly trainingFlops: number;
  readonly evaluationFlops: number;
  readonly matrixRate: number;
  readonly seconds: number;
}

export interface ModelFacts {
  readonly parameters: number;
  readonly width: number;
  readonly layers: number;
  readonly vocabulary: number;
  readonly downloadBytes: number;
}

/** Dense arithmetic throughout: two operations per weight and token in the model, ten per latent, width and token in training. */
export function estimateExperiment(config: ExperimentConfig, facts: ModelFacts): ExperimentEstimate {
  const plans = planArms(config);
  const trained = plans.filter((plan) => plan.imported === undefined && plan.arm !== 'ensemble');
  const texts = new Set(trained.filter(({ arm }) => arm === 'broad' || arm === 'domain').map(({ text }) => text)).size;
  const { train, eval: held, loss } = config.tokens;
  const layer = /\.(\d+)$/.exec(config.model.hook)?.[1];
  const depth = layer === undefined ? 1 : (Number(layer) + 1) / facts.layers;
  const embedding = facts.vocabulary * facts.width;
  const blocks = facts.parameters - embedding;
  const learnt = (latents: number, epochs: number): number => 10 * train * epochs * facts.width * latents;
  const trainingFlops = trained.reduce((sum, { arm, latents }) => sum + (arm === 'boosted' ? learnt(config.boosting.latents, config.boosting.epochs) : learnt(latents, arm === 'broad' || arm === 'domain' ? config.training.epochs : config.boosting.epochs)), 0);
  const sweep = config.arms.includes('boosted') ? config.boosting.sweep : undefined;
  const sweepTokens = config.domains.length * ((sweep?.k.length ?? 0) * train * config.boosting.epochs + (sweep?.tokens ?? []).reduce((sum, tokens) => sum + tokens, 0));
  const harvestFlops = texts * train * 2 * blocks * depth;
  const all = [config.broad, ...config.domains].length;
  const evaluationFlops = all * (held * 4 * facts.width * plans.reduce((sum, { latents }) => sum + latents, 0) + loss * (plans.length + 3) * 2 * (blocks * (1 - depth) + embedding));
  const matrixRate = measureMatrixRate();
  const group = Math.max(...['broad', ...config.domains.map(({ name }) => name)].map((text) => trained.filter((plan) => plan.text === text && plan.base === undefined).reduce((sum, { latents }) => sum + latents, 0)));
  return {
    saes: plans.length,
    downloadBytes: facts.downloadBytes + (config.broadSaes ?? []).reduce((sum, { latents }) => sum + 8 * latents * facts.width, 0),
    modelBytes: facts.parameters * (config.model.precision === 'bf16' ? 2 : 4),
    activationBytes: texts * train * facts.width * 4,
    trainingBytes: 2 * group * facts.width * 4 * 3,
    harvestFlops,
    trainingFlops: trainingFlops + 10 * sweepTokens * facts.width * config.boosting.latents,
    evaluationFlops,
    matrixRate,
    seconds: (harvestFlops + trainingFlops + 10 * sweepTokens * facts.width * config.boosting.latents + evaluationFlops) / matrixRate,
  };
}

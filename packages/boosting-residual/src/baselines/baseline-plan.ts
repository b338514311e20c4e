import type { SaeState } from '@salmon-sae/dataflow';

/** A way to adapt a base SAE to a domain by training: where it starts and which latents may move. */
export interface BaselinePlan {
  readonly method: 'full-fine-tuning' | 'extended-random' | 'extended-most-active';
  /** Weights to start from, raw activation units. */
  readonly initial: SaeState;
  /** [F] 1 = the latent's rows (encoder, decoder, biases, threshold) learn; 0 = they stay, bit for bit. */
  readonly trainable: Uint8Array;
  /** Whether b_dec learns. */
  readonly trainDecoderBias: boolean;
}

export interface ExtensionOptions {
  /** Latents to add. */
  readonly latents: number;
  readonly seed: number;
  /** Which latents learn: the new ones only (the base stays as it is), or all. */
  readonly train: 'new' | 'all';
}

/** The published residual SAE has 1024 latents; fair baselines get as many. */
export const extensionDefaults: ExtensionOptions = { latents: 1024, seed: 0, train: 'new' };

/** A plan for a base that grew from `before` latents. */
export function extensionPlan(method: BaselinePlan['method'], initial: SaeState, { before, latents, train }: { readonly before: number } & Pick<ExtensionOptions, 'latents' | 'train'>): BaselinePlan {
  const trainable = new Uint8Array(before + latents).fill(1);
  if (train === 'new') trainable.fill(0, 0, before);
  return { method, initial, trainable, trainDecoderBias: train === 'all' };
}

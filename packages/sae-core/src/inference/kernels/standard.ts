import { tf } from '@salmon-sae/compute';
import { weight } from './kernel.js';
import type { KernelFactory } from './kernel.js';
import { thresholdKernel } from './threshold.js';

/** f = relu(x W_enc + b_enc). */
export const standardKernel: KernelFactory = (state, config) =>
  thresholdKernel(config, {
    W_enc: state.weights['W_enc'],
    bias: weight<tf.Rank.R1>(state.weights['b_enc'], [config.d_sae]),
    threshold: tf.zeros<tf.Rank.R1>([config.d_sae]),
  });

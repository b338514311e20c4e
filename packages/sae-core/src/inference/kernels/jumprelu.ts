import { tf } from '@salmon-sae/compute';
import { weight } from './kernel.js';
import type { KernelFactory } from './kernel.js';
import { thresholdKernel } from './threshold.js';

/**
 * f = pre * 1[pre > threshold], strictly (arXiv 2407.14435, eq. 3), and never negative: relu holds under a negative threshold too, which is
 * what a threshold of at least 0 does.
 */
export const jumpreluKernel: KernelFactory = (state, config) =>
  thresholdKernel(config, {
    W_enc: state.weights['W_enc'],
    bias: weight<tf.Rank.R1>(state.weights['b_enc'], [config.d_sae]),
    threshold: tf.tidy(() => tf.relu(weight<tf.Rank.R1>(state.weights['threshold'], [config.d_sae]))),
  });

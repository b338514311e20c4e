import { rotary } from '../blocks/rotary.js';
import { ropeConfig } from '../config/rope-config.js';
import type { Family } from './family.js';
import { llamaSizes, loadLlamaLayout } from './llama-layout.js';

/** Llama 1 to 3 (arXiv 2302.13971, 2407.21783), Llama-3.1's rotary scaling included. */
export const llama: Family = {
  name: 'llama',
  modelTypes: ['llama'],
  prefixes: ['model.', ''],
  layers: (config) => config.count('num_hidden_layers'),
  load: async (source) => {
    const { config, weights } = source;
    const sizes = llamaSizes(config);
    const headDim = config.optionalNumber('head_dim') ?? sizes.width / sizes.heads;
    const bias = config.flag('attention_bias', false);
    // Llama configurations from before the field existed mean the paper's base.
    const turn = weights.own(rotary(ropeConfig(config, { thetaWhenAbsent: 10_000 }), headDim));
    return loadLlamaLayout(source, {
      ...sizes,
      headDim,
      activation: config.text('hidden_act'),
      bias: { input: bias, output: bias, mlp: config.flag('mlp_bias', false) },
      layer: () => ({ scale: headDim ** -0.5, rotary: turn }),
    });
  },
};

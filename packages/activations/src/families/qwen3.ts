import { rotary } from '../blocks/rotary.js';
import { ropeConfig } from '../config/rope-config.js';
import type { Family } from './family.js';
import { llamaSizes, loadLlamaLayout } from './llama-layout.js';
import { qwenWindows } from './qwen-windows.js';

/** Qwen3, dense (arXiv 2505.09388): norms on each query and key head, no biases. */
export const qwen3: Family = {
  name: 'qwen3',
  modelTypes: ['qwen3'],
  prefixes: ['model.', ''],
  layers: (config) => config.count('num_hidden_layers'),
  load: async (source) => {
    const { config, weights } = source;
    const sizes = llamaSizes(config);
    const headDim = config.count('head_dim');
    const windows = qwenWindows(config, sizes.layers);
    const bias = config.flag('attention_bias', false);
    const turn = weights.own(rotary(ropeConfig(config), headDim));
    return loadLlamaLayout(source, {
      ...sizes,
      headDim,
      activation: config.text('hidden_act'),
      bias: { input: bias, output: bias, mlp: false },
      headNorms: true,
      layer: (i) => ({ scale: headDim ** -0.5, window: windows[i], rotary: turn }),
    });
  },
};

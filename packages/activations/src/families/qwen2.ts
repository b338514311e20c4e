import { rotary } from '../blocks/rotary.js';
import { ropeConfig } from '../config/rope-config.js';
import type { Family } from './family.js';
import { llamaSizes, loadLlamaLayout } from './llama-layout.js';
import { qwenWindows } from './qwen-windows.js';

/** Qwen2 and Qwen2.5 (arXiv 2407.10671): biases on queries, keys and values. */
export const qwen2: Family = {
  name: 'qwen2',
  modelTypes: ['qwen2'],
  prefixes: ['model.', ''],
  layers: (config) => config.count('num_hidden_layers'),
  load: async (source) => {
    const { config, weights } = source;
    const sizes = llamaSizes(config);
    const headDim = config.optionalNumber('head_dim') ?? sizes.width / sizes.heads;
    const windows = qwenWindows(config, sizes.layers);
    const turn = weights.own(rotary(ropeConfig(config), headDim));
    return loadLlamaLayout(source, {
      ...sizes,
      headDim,
      activation: config.text('hidden_act'),
      bias: { input: true, output: false, mlp: false },
      layer: (i) => ({ scale: headDim ** -0.5, window: windows[i], rotary: turn }),
    });
  },
};

import { rotary } from '../blocks/rotary.js';
import { gemmaEmbedScale } from '../config/gemma-scale.js';
import { slidingLayers } from '../config/layer-windows.js';
import { ropeConfig } from '../config/rope-config.js';
import type { Family } from './family.js';
import { llamaSizes, loadLlamaLayout } from './llama-layout.js';

/** Gemma-2 (arXiv 2408.00118): soft-caps, sliding and full attention by turns, norms before and after each module. */
export const gemma2: Family = {
  name: 'gemma2',
  modelTypes: ['gemma2'],
  prefixes: ['model.', ''],
  layers: (config) => config.count('num_hidden_layers'),
  load: async (source) => {
    const { config, weights } = source;
    const sizes = llamaSizes(config);
    const headDim = config.count('head_dim');
    const window = config.nullableNumber('sliding_window');
    const sliding = slidingLayers(config, sizes.layers, (layer) => layer % 2 === 0);
    const scale = config.number('query_pre_attn_scalar') ** -0.5;
    const softcap = config.nullableNumber('attn_logit_softcapping');
    const bias = config.flag('attention_bias', false);
    const turn = weights.own(rotary(ropeConfig(config), headDim));
    return loadLlamaLayout(source, {
      ...sizes,
      headDim,
      activation: config.text('hidden_activation'),
      bias: { input: bias, output: bias, mlp: false },
      gainOffset: 1,
      outputNorms: true,
      embedScale: gemmaEmbedScale(config, sizes.width),
      logitSoftcap: config.nullableNumber('final_logit_softcapping'),
      layer: (i) => ({ scale, softcap, window: sliding[i] === true ? window : undefined, rotary: turn }),
    });
  },
};

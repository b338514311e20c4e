import { rotary } from '../blocks/rotary.js';
import type { ConfigReader } from '../config/config-reader.js';
import { gemmaEmbedScale } from '../config/gemma-scale.js';
import { slidingLayers } from '../config/layer-windows.js';
import { ropeScaling } from '../config/rope-config.js';
import type { RopeConfig } from '../config/rope-config.js';
import type { Family } from './family.js';
import { llamaSizes, loadLlamaLayout } from './llama-layout.js';

/** Gemma-3, text part (arXiv 2503.19786): query and key norms instead of soft-caps, one full layer in six, two rotary bases. */
export const gemma3Text: Family = {
  name: 'gemma3_text',
  modelTypes: ['gemma3_text'],
  prefixes: ['model.', ''],
  layers: (config) => config.count('num_hidden_layers'),
  load: async (source) => {
    const { config, weights } = source;
    const sizes = llamaSizes(config);
    const headDim = config.count('head_dim');
    const window = config.nullableNumber('sliding_window');
    const period = config.optionalNumber('sliding_window_pattern') ?? config.optionalNumber('_sliding_window_pattern') ?? 6;
    const sliding = slidingLayers(config, sizes.layers, (layer) => (layer + 1) % period !== 0);
    const scale = config.number('query_pre_attn_scalar') ** -0.5;
    const softcap = config.optionalNumber('attn_logit_softcapping');
    const bias = config.flag('attention_bias', false);
    const ropes = gemma3Ropes(config);
    const local = weights.own(rotary(ropes.local, headDim));
    const global = weights.own(rotary(ropes.global, headDim));
    return loadLlamaLayout(source, {
      ...sizes,
      headDim,
      activation: config.text('hidden_activation'),
      bias: { input: bias, output: bias, mlp: false },
      gainOffset: 1,
      outputNorms: true,
      headNorms: true,
      embedScale: gemmaEmbedScale(config, sizes.width),
      logitSoftcap: config.optionalNumber('final_logit_softcapping'),
      layer: (i) =>
        sliding[i] === true ? { scale, softcap, window, rotary: local } : { scale, softcap, window: undefined, rotary: global },
    });
  },
};

/** Per-kind `rope_parameters` (transformers 5), or `rope_theta`, `rope_local_base_freq` and `rope_scaling` (full layers only). */
function gemma3Ropes(config: ConfigReader): { readonly local: RopeConfig; readonly global: RopeConfig } {
  const parameters = config.section('rope_parameters');
  const read = (section: ConfigReader): RopeConfig => ({
    theta: section.number('rope_theta'),
    partial: 1,
    scaling: ropeScaling(section, config),
  });
  if (parameters !== undefined) {
    const full = parameters.section('full_attention') ?? parameters;
    return { local: read(parameters.section('sliding_attention') ?? parameters), global: read(full) };
  }
  const scaling = config.section('rope_scaling');
  return {
    local: { theta: config.number('rope_local_base_freq'), partial: 1, scaling: { kind: 'default' } },
    global: {
      theta: config.number('rope_theta'),
      partial: 1,
      scaling: scaling === undefined ? { kind: 'default' } : ropeScaling(scaling, config),
    },
  };
}

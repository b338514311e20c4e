import type { tf } from '@salmon-sae/compute';
import { z } from 'zod';
import type { SaeArchitecture } from './architecture.js';
import { parseConfig } from './base-config.js';
import { param } from './linear.js';
import { checkMixture, decodeMixture, initMixture, MIXTURE_DEFAULTS, MIXTURE_TRAINING, mixtureFields, mixtureInference, mixtureLoss, routed } from './mixture.js';

const schema = z.strictObject({ kind: z.literal('switch'), ...mixtureFields(1) });

export type SwitchConfig = z.output<typeof schema>;
export type SwitchOptions = Omit<z.input<typeof schema>, 'kind'>;

/** A Switch SAE (arXiv 2410.08201): each token goes to one expert, whose output is multiplied by its routing probability. */
export function switchSae(options: SwitchOptions): SwitchConfig {
  const config = parseConfig(schema, { kind: 'switch', ...options }, 'switch');
  checkMixture(config);
  return config;
}

export const switchArchitecture: SaeArchitecture<SwitchConfig> = {
  kind: 'switch',
  defaults: { ...MIXTURE_DEFAULTS, activeExperts: 1 },
  schema: schema as z.ZodType<SwitchConfig>,
  training: MIXTURE_TRAINING,
  init(config, context) {
    checkMixture(config);
    return initMixture(config, context);
  },
  encode: (context) => routed(context, param<tf.Tensor2D>(context.params, 'W_enc')).codes,
  decode: decodeMixture,
  loss: (context) => mixtureLoss(context, param<tf.Tensor2D>(context.params, 'W_enc')),
  toInference: (trained) => mixtureInference(trained, trained.params['W_enc']!),
};

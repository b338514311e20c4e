import { SalmonError } from '@salmon-sae/dataflow';
import type { ConfigReader } from '../config/config-reader.js';
import type { Family } from './family.js';
import { gemma2 } from './gemma2.js';
import { gemma3Text } from './gemma3-text.js';
import { gpt2 } from './gpt2.js';
import { gptNeox } from './gpt-neox.js';
import { llama } from './llama.js';
import { qwen2 } from './qwen2.js';
import { qwen3 } from './qwen3.js';

/** Every family that is built in. */
export const families: readonly Family[] = [gemma2, gemma3Text, llama, qwen2, qwen3, gpt2, gptNeox];

/** The family that a config.json names. Throws `unknown-architecture`. */
export function familyOf(config: ConfigReader, known: readonly Family[] = families): Family {
  const type = config.text('model_type');
  const family = known.find((f) => f.modelTypes.includes(type));
  if (family !== undefined) return family;
  throw new SalmonError('unknown-architecture', {
    what: `Model type "${type}" is not supported`,
    where: config.where,
    expected: `one of ${known.flatMap((f) => f.modelTypes).join(', ')}`,
    got: type,
  });
}

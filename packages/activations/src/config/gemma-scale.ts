import { floatToBfloat, bfloatToFloat, floatToHalf, halfToFloat } from '@salmon-sae/dataflow/safetensors';
import type { ConfigReader } from './config-reader.js';

/**
 * Gemma's factor on embeddings, sqrt(width), rounded to the dtype that the checkpoint was made in: the models were trained
 * with the rounded factor (13.875 instead of 13.856 for a bfloat16 checkpoint of width 192).
 */
export function gemmaEmbedScale(config: ConfigReader, width: number): number {
  const exact = Math.fround(Math.sqrt(width));
  switch (config.optionalText('dtype') ?? config.optionalText('torch_dtype')) {
    case 'bfloat16':
      return bfloatToFloat(floatToBfloat(exact));
    case 'float16':
      return halfToFloat(floatToHalf(exact));
    default:
      return exact;
  }
}

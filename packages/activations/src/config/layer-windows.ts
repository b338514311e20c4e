import { SalmonError } from '@salmon-sae/dataflow';
import type { ConfigReader } from './config-reader.js';

/** Per layer: does it attend through the sliding window? `layer_types` where written, else the family's own rule. */
export function slidingLayers(
  config: ConfigReader,
  layers: number,
  whenAbsent: (layer: number) => boolean,
): readonly boolean[] {
  const types = config.texts('layer_types');
  if (types === undefined) return Array.from({ length: layers }, (_, i) => whenAbsent(i));
  if (types.length !== layers) {
    throw new SalmonError('bad-config', {
      what: 'Field "layer_types" does not name every layer',
      where: config.where,
      expected: `${layers} entries (num_hidden_layers)`,
      got: `${types.length}`,
    });
  }
  return types.map((type) => {
    if (type === 'sliding_attention') return true;
    if (type === 'full_attention') return false;
    throw new SalmonError('unsupported', {
      what: 'Field "layer_types" names an unknown kind of attention',
      where: config.where,
      expected: 'sliding_attention or full_attention',
      got: type,
    });
  });
}

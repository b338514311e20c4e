import type { ConfigReader } from '../config/config-reader.js';
import { slidingLayers } from '../config/layer-windows.js';

/** Qwen's sliding windows per layer: off unless `use_sliding_window`, then from layer `max_window_layers` on. */
export function qwenWindows(config: ConfigReader, layers: number): readonly (number | undefined)[] {
  const window = config.flag('use_sliding_window', false) ? config.nullableNumber('sliding_window') : undefined;
  if (window === undefined) return Array.from({ length: layers }, () => undefined);
  const sliding = slidingLayers(config, layers, (layer) => layer >= config.number('max_window_layers'));
  return sliding.map((slides) => (slides ? window : undefined));
}

import type { ConfigReader } from '../config/config-reader.js';
import type { Decoder } from '../blocks/decoder.js';
import type { WeightSource } from '../weights/weight-source.js';

/** One architecture family: how its config.json and its tensors become a decoder. */
export interface Family {
  readonly name: string;
  /** Values of config.json's `model_type`. */
  readonly modelTypes: readonly string[];
  /** Module names that may stand before tensor names. */
  readonly prefixes: readonly string[];
  /** Layers, width and vocabulary, read before any weight is. */
  layers(config: ConfigReader): number;
  load(source: FamilySource): Promise<Decoder>;
}

export interface FamilySource {
  readonly config: ConfigReader;
  readonly weights: WeightSource;
  /** How many blocks to load, counted from the first. */
  readonly blocks: number;
  /** Whether logits will be wanted. */
  readonly head: boolean;
}

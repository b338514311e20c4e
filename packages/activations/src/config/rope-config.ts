import { SalmonError } from '@salmon-sae/dataflow';
import type { ConfigReader } from './config-reader.js';

/** Rotary embedding as a config.json states it. */
export interface RopeConfig {
  readonly theta: number;
  /** Share of each head's dimensions that is rotated. */
  readonly partial: number;
  readonly scaling: RopeScaling;
}

export type RopeScaling =
  | { readonly kind: 'default' }
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalContext: number;
    };

export interface RopeSpelling {
  /** Old spelling of the base; default `rope_theta`. */
  readonly thetaField?: string;
  /** Old spelling of the rotated share; default `partial_rotary_factor`. */
  readonly partialField?: string;
  /** Base of configurations written before the field existed; without it a missing base is an error. */
  readonly thetaWhenAbsent?: number;
}

/** Reads `rope_parameters` (transformers 5) or `rope_theta` + `rope_scaling` (transformers 4). */
export function ropeConfig(config: ConfigReader, spelling: RopeSpelling = {}): RopeConfig {
  const parameters = config.section('rope_parameters');
  if (parameters !== undefined) {
    return {
      theta: parameters.number('rope_theta'),
      partial: parameters.optionalNumber('partial_rotary_factor') ?? 1,
      scaling: ropeScaling(parameters, config),
    };
  }
  const thetaField = spelling.thetaField ?? 'rope_theta';
  const absent = spelling.thetaWhenAbsent;
  const scaling = config.section('rope_scaling');
  return {
    theta: absent !== undefined && !config.has(thetaField) ? absent : config.number(thetaField),
    partial: config.optionalNumber(spelling.partialField ?? 'partial_rotary_factor') ?? 1,
    scaling: scaling === undefined ? { kind: 'default' } : ropeScaling(scaling, config),
  };
}

/** The scaling part: `rope_type` (or, older, `type`) and its numbers. */
export function ropeScaling(section: ConfigReader, config: ConfigReader): RopeScaling {
  const kind = section.optionalText('rope_type') ?? section.optionalText('type') ?? 'default';
  switch (kind) {
    case 'default':
      return { kind };
    case 'linear':
      return { kind, factor: section.number('factor') };
    case 'llama3':
      return {
        kind,
        factor: section.number('factor'),
        lowFrequencyFactor: section.number('low_freq_factor'),
        highFrequencyFactor: section.number('high_freq_factor'),
        originalContext:
          section.optionalNumber('original_max_position_embeddings') ?? config.count('max_position_embeddings'),
      };
    default:
      throw new SalmonError('unsupported', {
        what: `Rotary scaling "${kind}" is not supported`,
        where: section.where,
        expected: 'default, linear or llama3',
        got: kind,
      });
  }
}

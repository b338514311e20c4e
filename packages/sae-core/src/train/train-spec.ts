import { SalmonError } from '@salmon-sae/dataflow';
import type { z } from 'zod';
import type { AnyArchitecture, ArchitectureConfig, SaeArchitecture } from '../architectures/architecture.js';
import { parseConfig } from '../architectures/base-config.js';
import { trainingSchema, type TrainingOptions } from './training-config.js';

/** One SAE to train: an architecture's configuration, how to train it, and the name its events carry. */
export interface TrainSpec {
  /** Default: kind and number of latents. */
  readonly id?: string;
  readonly sae: ArchitectureConfig;
  readonly training?: Partial<TrainingOptions>;
}

/** A spec with every default filled in; this is what is stored with checkpoints and trained SAEs. */
export interface TrainConfig {
  readonly id: string;
  readonly sae: ArchitectureConfig;
  readonly training: TrainingOptions;
}

/** A resolved spec with the architecture that runs it. */
export interface ResolvedSpec {
  readonly config: TrainConfig;
  readonly architecture: SaeArchitecture;
}

/**
 * Fills in defaults: general, then the architecture's, then `shared`, then the spec's own.
 * @throws SalmonError bad-config, unknown-architecture
 */
export function resolveSpec(
  spec: TrainSpec | ArchitectureConfig,
  shared: Partial<TrainingOptions>,
  architectures: readonly AnyArchitecture[],
): ResolvedSpec {
  const full: TrainSpec = 'sae' in spec ? spec : { sae: spec };
  const architecture = findArchitecture(full.sae.kind, architectures);
  const sae = parseConfig(architecture.schema as z.ZodType<ArchitectureConfig>, full.sae, full.id ?? full.sae.kind);
  const id = full.id ?? `${sae.kind}-${sae.latents}`;
  const training = parseConfig(trainingSchema, { ...(architecture.trainingFor?.(sae) ?? architecture.training), ...shared, ...full.training }, id);
  return { config: { id, sae, training }, architecture };
}

/** @throws SalmonError conflict where two SAEs share a name. */
export function resolveSpecs(
  specs: readonly (TrainSpec | ArchitectureConfig)[],
  shared: Partial<TrainingOptions>,
  architectures: readonly AnyArchitecture[],
): readonly ResolvedSpec[] {
  const resolved = specs.map((spec) => resolveSpec(spec, shared, architectures));
  const seen = new Set<string>();
  for (const { config } of resolved) {
    if (!/^[\w.+-]+$/.test(config.id)) {
      throw new SalmonError('bad-config', { what: 'The name of an SAE cannot be used in file names', where: config.id, expected: 'letters, digits, and . _ + - only' });
    }
    if (seen.has(config.id)) {
      throw new SalmonError('conflict', { what: 'Two SAEs have the same name', where: config.id, todo: 'Give each spec its own id' });
    }
    seen.add(config.id);
  }
  if (resolved.length === 0) throw new SalmonError('bad-config', { what: 'There is no SAE to train', expected: 'at least one spec' });
  return resolved;
}

/** @throws SalmonError unknown-architecture */
export function findArchitecture(kind: string, architectures: readonly AnyArchitecture[]): SaeArchitecture {
  const found = architectures.find((a) => a.kind === kind);
  if (found === undefined) {
    throw new SalmonError('unknown-architecture', {
      what: 'There is no such SAE architecture',
      got: kind,
      expected: architectures.map((a) => a.kind).join(', '),
    });
  }
  return found as unknown as SaeArchitecture;
}

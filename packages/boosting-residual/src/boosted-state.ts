import type { NdArray, Provenance, SaeState } from '@salmon-sae/dataflow';
import type { DomainGate } from './domain-gate.js';

/**
 * The state of a boosted SAE: config { kind: 'boosted', base, residuals, gates }, weights under `base/`, `residual.<j>/` and `gate.<j>/`. The arrays are
 * shared with the parts, not copied. sae-core does not open this kind: open the parts and put them together with `boosted`, or `stitch` them.
 */
export function boostedState(
  base: SaeState,
  residuals: readonly SaeState[],
  gates: readonly (DomainGate | undefined)[] = [],
): SaeState {
  const weights: Record<string, NdArray> = {};
  for (const [name, array] of Object.entries(base.weights)) weights[`base/${name}`] = array;
  residuals.forEach((residual, j) => {
    for (const [name, array] of Object.entries(residual.weights)) weights[`residual.${j}/${name}`] = array;
    const gate = gates[j];
    if (gate !== undefined) weights[`gate.${j}/direction`] = { shape: [gate.direction.length], data: gate.direction };
  });
  return {
    config: {
      kind: 'boosted',
      base: base.config,
      residuals: residuals.map((residual) => residual.config),
      gates: residuals.map((_, j) => {
        const gate = gates[j];
        return gate === undefined ? null : { kind: gate.kind, threshold: gate.threshold };
      }),
    },
    weights,
    scale: base.scale,
    site: base.site,
    trained: jointProvenance(base, residuals),
  };
}

/** Provenance of something made from a base and residuals: tokens and steps add up, the parts' own provenances are kept as facts. */
export function jointProvenance(base: SaeState, residuals: readonly SaeState[]): Provenance {
  const parts = [base, ...residuals].map((state) => state.trained);
  return {
    tokens: parts.reduce((sum, part) => sum + part.tokens, 0),
    steps: parts.reduce((sum, part) => sum + part.steps, 0),
    seed: base.trained.seed,
    versions: Object.assign({}, ...parts.map((part) => part.versions)) as Record<string, string>,
    facts: {
      parts: parts.map((part, index) => ({
        role: index === 0 ? 'base' : `residual ${index - 1}`,
        tokens: part.tokens,
        steps: part.steps,
        seed: part.seed,
        facts: part.facts,
      })),
    },
  };
}

/** Whether a state adds a constant to every row it decodes. */
export function hasDecoderBias(state: SaeState): boolean {
  return state.weights['b_dec']?.data.some((value) => value !== 0) ?? false;
}

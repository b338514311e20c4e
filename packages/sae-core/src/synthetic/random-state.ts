import { random } from '@salmon-sae/dataflow';
import type { Json, NdArray, SaeState } from '@salmon-sae/dataflow';
import { tensorShapes } from '../inference/check-state.js';
import { resolveConfig } from '../inference/config.js';
import type { SaeKind } from '../inference/config.js';

export interface RandomStateOptions {
  readonly width?: number;
  readonly latents?: number;
  /** Transcoders only; default: as `width`. */
  readonly outWidth?: number;
  readonly seed?: number;
  /** Further config fields, laid over those the kind needs. */
  readonly config?: Readonly<Record<string, Json>>;
}

/** An untrained SAE of any kind with random weights, for tests and benchmarks; decoder rows are not of unit norm. */
export function randomState(kind: SaeKind, options: RandomStateOptions = {}): SaeState {
  const { width = 8, latents = 24, seed = 0 } = options;
  const transcoder = kind.endsWith('transcoder');
  const config: SaeState['config'] = {
    kind,
    d_in: width,
    d_sae: latents,
    ...(transcoder ? { d_out: options.outWidth ?? width } : {}),
    ...(/^(topk|groupmax|switch)/.test(kind) ? { k: Math.max(1, Math.floor(latents / 6)) } : {}),
    ...(kind === 'matching_pursuit' ? { residual_threshold: 0.1, max_iterations: width } : {}),
    ...(kind === 'switch' ? { experts: 4, active_experts: 2 } : {}),
    ...(kind === 'temporal' ? { n_heads: 2, bottleneck_factor: 4, kval_topk: 3 } : {}),
    ...options.config,
  };
  const resolved = resolveConfig({ config, weights: {} });
  const weights: Record<string, NdArray> = {};
  for (const [name, shape] of Object.entries(tensorShapes(resolved))) {
    const draw = random(seed, kind, name);
    const spread = name.startsWith('W_') || name.endsWith('.weight') ? 1 / Math.sqrt(width) : 0.2;
    const count = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: count }, () => spread * draw.normal());
    weights[name] = { shape, data: name === 'threshold' ? data.map((value) => 0.2 + Math.abs(value)) : data };
  }
  return {
    config,
    weights,
    scale: 1,
    site: { model: 'random', hook: 'resid_post.0', width },
    trained: { tokens: 0, steps: 0, seed, versions: {}, facts: {} },
  };
}

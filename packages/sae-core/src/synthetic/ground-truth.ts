import { random, SalmonError } from '@salmon-sae/dataflow';
import type { Random } from '@salmon-sae/dataflow';

/** What synthetic activations are made of. Everything but `width` and `features` may be left out. */
export interface GroundTruthConfig {
  /** d, the width of the activations. */
  readonly width: number;
  /** Sparse features with a direction each; more of them than dimensions: superposition. */
  readonly features: number;
  /** Active features of a row, on average, before the hierarchy and the pairs add theirs. Default 8. */
  readonly meanActive?: number;
  /** Firing probabilities fall as rank^-exponent (arXiv 2509.02565 has 1 + alpha). Default 0.5. */
  readonly zipf?: number;
  /** Parents with `children` each: a child implies its parent, siblings exclude each other (the setting of feature absorption). Default 4 x 3. */
  readonly parents?: number;
  readonly children?: number;
  /** Pairs of which the second fires with probability `pairing` where the first does, else at its own rate. Default 4, 0.8. */
  readonly pairs?: number;
  readonly pairing?: number;
  /** Circles: two-dimensional features whose angle is uniform. Default 2. */
  readonly circles?: number;
  /** Directions that are active on every row with a normal coefficient. Default 2. */
  readonly dense?: number;
  /** Size of the dense coefficients. Default 0.5. */
  readonly denseScale?: number;
  /** Pairs of features whose product of activations goes along a direction of its own: no linear code can hold it. Default 4. */
  readonly products?: number;
  readonly productScale?: number;
  /** Standard deviation of isotropic noise, per dimension. Default 0.01. */
  readonly noise?: number;
  readonly seed?: number;
}

export const GROUND_TRUTH_DEFAULTS = {
  meanActive: 8,
  zipf: 0.5,
  parents: 4,
  children: 3,
  pairs: 4,
  pairing: 0.8,
  circles: 2,
  dense: 2,
  denseScale: 0.5,
  products: 4,
  productScale: 0.3,
  noise: 0.01,
  seed: 0,
} as const;

/** The known truth behind synthetic activations. Matrices hold one unit row of `width` per item. */
export interface GroundTruth {
  readonly config: Required<GroundTruthConfig>;
  /** [features, width] */
  readonly directions: Float32Array;
  /** [features] probability of firing on its own. */
  readonly probability: Float64Array;
  /** Index of the parent of each feature, -1 where it has none. */
  readonly parent: Int32Array;
  readonly pairs: readonly (readonly [first: number, second: number])[];
  /** [2 * circles, width] two orthonormal rows per circle. */
  readonly circles: Float32Array;
  /** [dense, width] */
  readonly dense: Float32Array;
  readonly products: readonly (readonly [first: number, second: number])[];
  /** [products, width] */
  readonly productDirections: Float32Array;
}

/**
 * Draws a ground truth: parents come first, then their children, then the pairs, then the rest.
 * @throws SalmonError `bad-config` when the structures need more features than there are.
 */
export function groundTruth(options: GroundTruthConfig): GroundTruth {
  const config = { ...GROUND_TRUTH_DEFAULTS, ...options };
  const structured = config.parents * (1 + config.children) + 2 * config.pairs;
  if (structured > config.features || config.width < 2) {
    const expected = `at least ${structured} features and 2 dimensions`;
    throw new SalmonError('bad-config', { what: 'There are too few features for the structures', where: 'groundTruth', expected, got: `${config.features} features, ${config.width} dimensions` });
  }
  const draw = random(config.seed, 'ground truth');
  const directions = unitRows(draw, config.features, config.width);
  const probability = Float64Array.from({ length: config.features }, (_, i) => (1 + i) ** -config.zipf);
  const total = probability.reduce((a, b) => a + b, 0);
  for (let i = 0; i < probability.length; i++) probability[i] = Math.min(0.5, ((probability[i] as number) * config.meanActive) / total);
  const parent = new Int32Array(config.features).fill(-1);
  for (let p = 0; p < config.parents; p++) {
    for (let c = 0; c < config.children; c++) parent[config.parents + p * config.children + c] = p;
  }
  const firstPair = config.parents * (1 + config.children);
  const circles = unitRows(draw, 2 * config.circles, config.width);
  for (let c = 0; c < config.circles; c++) orthonormalise(circles.subarray(2 * c * config.width, 2 * (c + 1) * config.width), config.width);
  return {
    config,
    directions,
    probability,
    parent,
    pairs: Array.from({ length: config.pairs }, (_, i) => [firstPair + 2 * i, firstPair + 2 * i + 1] as const),
    circles,
    dense: unitRows(draw, config.dense, config.width),
    products: Array.from({ length: config.products }, () => [draw.below(config.features), draw.below(config.features)] as const),
    productDirections: unitRows(draw, config.products, config.width),
  };
}

function unitRows(draw: Random, rows: number, width: number): Float32Array {
  const matrix = Float32Array.from({ length: rows * width }, () => draw.normal());
  for (let row = 0; row < rows; row++) normalise(matrix.subarray(row * width, (row + 1) * width));
  return matrix;
}

/** Gram-Schmidt on two rows. */
function orthonormalise(pair: Float32Array, width: number): void {
  const [u, v] = [pair.subarray(0, width), pair.subarray(width)];
  const dot = u.reduce((sum, value, i) => sum + value * (v[i] as number), 0);
  for (let i = 0; i < width; i++) v[i] = (v[i] as number) - dot * (u[i] as number);
  normalise(v);
}

function normalise(row: Float32Array): void {
  const norm = Math.hypot(...row);
  for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) / norm;
}

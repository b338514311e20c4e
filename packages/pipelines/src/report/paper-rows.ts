/**
 * Published results of "Resurrecting the Salmon" (arXiv 2508.09363), from the result files of the authors' public repository
 * (github.com/charlieoneill11/sae-training, commit 5735cf46). Layer 20 of Gemma-2, 200 medical texts of the training split.
 */
export type PaperSetting = '2b-16k' | '2b-65k' | '9b-16k' | '9b-32k';

export interface PaperRow {
  readonly setting: PaperSetting;
  /** domain: the paper's medical SAEs; broad: Gemma Scope. */
  readonly arm: 'domain' | 'broad';
  /** Target L0 of a domain SAE; the average L0 in the file name of a Gemma Scope SAE. */
  readonly nominalL0: number;
  readonly l0: number;
  /** Fraction of variance explained as reported: with BOS for the domain SAEs, without for Gemma Scope. */
  readonly fve: number;
  readonly lossRecovered: number;
  /** Nats per token. */
  readonly deltaCe: number;
  /**
   * FVE of a domain SAE without BOS, estimated (not published): 1 - l2^2 / v with v the BOS-free variance that Gemma Scope's own
   * l2_loss^2 / (1 - FVE) gives. Two digits.
   */
  readonly fveWithoutBos?: number;
}

export interface PaperDarkMatterRow {
  readonly setting: PaperSetting;
  readonly arm: 'domain' | 'broad';
  readonly nominalL0: number;
  /** R2 of the squared error norm, predicted linearly from the activation. */
  readonly r2Norm: number;
  /** R2 of the error vector, mean over dimensions. */
  readonly r2Vector: number;
  readonly fvuNonlinear: number;
}

type Tuple = readonly [l0: number, fve: number, lossRecovered: number, deltaCe: number];

const targets = [20, 40, 80, 160, 320, 640] as const;

const domain: Readonly<Record<PaperSetting, readonly Tuple[]>> = {
  '2b-16k': [
    [18.8, 0.86, 0.9835, 0.176],
    [34.8, 0.876, 0.9885, 0.122],
    [58.3, 0.888, 0.9905, 0.101],
    [122, 0.907, 0.9937, 0.067],
    [222, 0.916, 0.9946, 0.057],
    [361, 0.917, 0.9953, 0.05],
  ],
  '2b-65k': [
    [17.2, 0.883, 0.9877, 0.131],
    [27.6, 0.896, 0.9914, 0.091],
    [43.6, 0.907, 0.9938, 0.066],
    [73, 0.917, 0.9956, 0.046],
    [134, 0.925, 0.9959, 0.044],
    [273, 0.932, 0.997, 0.032],
  ],
  '9b-16k': [
    [17.1, 0.839, 0.9875, 0.135],
    [31.8, 0.855, 0.9924, 0.082],
    [57.6, 0.87, 0.9952, 0.052],
    [118, 0.887, 0.997, 0.033],
    [224, 0.898, 0.9982, 0.02],
    [440, 0.911, 0.998, 0.021],
  ],
  '9b-32k': [
    [16.8, 0.851, 0.9898, 0.11],
    [27.6, 0.866, 0.9944, 0.061],
    [56.9, 0.882, 0.9959, 0.044],
    [98.8, 0.892, 0.9977, 0.025],
    [215, 0.907, 0.9981, 0.021],
    [398, 0.915, 0.9977, 0.025],
  ],
};

const withoutBos: Readonly<Record<PaperSetting, readonly number[]>> = {
  '2b-16k': [0.8, 0.82, 0.84, 0.86, 0.87, 0.87],
  '2b-65k': [0.83, 0.85, 0.87, 0.88, 0.89, 0.9],
  '9b-16k': [0.79, 0.81, 0.82, 0.85, 0.86, 0.87],
  '9b-32k': [0.8, 0.82, 0.84, 0.86, 0.88, 0.88],
};

const broadNominal: Readonly<Record<PaperSetting, readonly number[]>> = {
  '2b-16k': [22, 38, 71, 139, 294],
  '2b-65k': [20, 34, 61, 114, 221],
  '9b-16k': [11, 20, 36, 58, 68, 138, 310, 408],
  '9b-32k': [11, 57, 344],
};

const broad: Readonly<Record<PaperSetting, readonly Tuple[]>> = {
  '2b-16k': [
    [22.6, 0.642, 0.939, 0.648],
    [40.2, 0.683, 0.9474, 0.559],
    [76.6, 0.728, 0.9636, 0.387],
    [152, 0.772, 0.9726, 0.291],
    [314, 0.823, 0.9766, 0.249],
  ],
  '2b-65k': [
    [21.5, 0.703, 0.9499, 0.532],
    [36.4, 0.741, 0.9538, 0.491],
    [64.1, 0.777, 0.9623, 0.401],
    [119, 0.814, 0.9741, 0.276],
    [241, 0.853, 0.9755, 0.26],
  ],
  '9b-16k': [
    [11.2, 0.613, 0.8348, 1.78],
    [19.7, 0.651, 0.8007, 2.15],
    [36.4, 0.69, 0.8231, 1.9],
    [58.5, 0.718, 0.8841, 1.25],
    [68.6, 0.728, 0.8934, 1.15],
    [145, 0.771, 0.9267, 0.789],
    [350, 0.826, 0.951, 0.527],
    [471, 0.848, 0.9463, 0.578],
  ],
  '9b-32k': [
    [10.9, 0.633, 0.839, 1.73],
    [56.8, 0.739, 0.8815, 1.28],
    [374, 0.85, 0.939, 0.657],
  ],
};

type DarkTriple = readonly [r2Norm: readonly number[], r2Vector: readonly number[], fvuNonlinear: readonly number[]];

/** The 2b-16k domain SAEs have no dark-matter figures in the published files. */
const darkDomain: Readonly<Partial<Record<PaperSetting, DarkTriple>>> = {
  '2b-65k': [
    [0.781, 0.793, 0.803, 0.812, 0.833, 0.83],
    [0.473, 0.453, 0.439, 0.415, 0.435, 0.417],
    [0.099, 0.092, 0.084, 0.077, 0.067, 0.062],
  ],
  '9b-16k': [
    [0.904, 0.912, 0.919, 0.924, 0.934, 0.941],
    [0.727, 0.712, 0.698, 0.65, 0.621, 0.608],
    [0.102, 0.095, 0.087, 0.086, 0.084, 0.075],
  ],
  '9b-32k': [
    [0.888, 0.898, 0.905, 0.915, 0.923, 0.927],
    [0.68, 0.665, 0.641, 0.634, 0.568, 0.563],
    [0.109, 0.102, 0.094, 0.087, 0.088, 0.079],
  ],
};

const darkBroad: Readonly<Record<PaperSetting, DarkTriple>> = {
  '2b-16k': [
    [0.9, 0.921, 0.928, 0.936, 0.941],
    [0.731, 0.707, 0.663, 0.62, 0.569],
    [0.094, 0.09, 0.088, 0.083, 0.073],
  ],
  '2b-65k': [
    [0.865, 0.884, 0.9, 0.911, 0.92],
    [0.64, 0.617, 0.588, 0.548, 0.487],
    [0.104, 0.095, 0.088, 0.08, 0.072],
  ],
  '9b-16k': [
    [0.953, 0.96, 0.965, 0.968, 0.969, 0.971, 0.968, 0.965],
    [0.862, 0.841, 0.812, 0.784, 0.773, 0.712, 0.611, 0.571],
    [0.093, 0.091, 0.09, 0.091, 0.091, 0.093, 0.093, 0.089],
  ],
  '9b-32k': [
    [0.943, 0.965, 0.965],
    [0.84, 0.748, 0.578],
    [0.098, 0.097, 0.087],
  ],
};

export const paperSettings: readonly PaperSetting[] = ['2b-16k', '2b-65k', '9b-16k', '9b-32k'];

/** The published rows of one setting: the domain SAEs, then Gemma Scope, each by ascending L0. */
export function paperRows(setting: PaperSetting): readonly PaperRow[] {
  return [
    ...domain[setting].map((tuple, i) => ({
      ...row(setting, tuple),
      arm: 'domain' as const,
      nominalL0: targets[i]!,
      fveWithoutBos: withoutBos[setting][i]!,
    })),
    ...broad[setting].map((tuple, i) => ({ ...row(setting, tuple), arm: 'broad' as const, nominalL0: broadNominal[setting][i]! })),
  ];
}

/** The published dark-matter rows of one setting. */
export function paperDarkMatter(setting: PaperSetting): readonly PaperDarkMatterRow[] {
  const own = darkDomain[setting];
  return [
    ...(own === undefined ? [] : darkRows(setting, own, { arm: 'domain', nominal: targets })),
    ...darkRows(setting, darkBroad[setting], { arm: 'broad', nominal: broadNominal[setting] }),
  ];
}

/** The published row of one arm whose measured L0 is nearest on a log scale. */
export function nearestPaperRow(setting: PaperSetting, arm: 'domain' | 'broad', l0: number): PaperRow {
  const distance = (candidate: PaperRow): number => Math.abs(Math.log(candidate.l0 / l0));
  return paperRows(setting)
    .filter((candidate) => candidate.arm === arm)
    .reduce((best, candidate) => (distance(candidate) < distance(best) ? candidate : best));
}

function row(setting: PaperSetting, [l0, fve, lossRecovered, deltaCe]: Tuple): Omit<PaperRow, 'arm' | 'nominalL0'> {
  return { setting, l0, fve, lossRecovered, deltaCe };
}

function darkRows(
  setting: PaperSetting,
  [norm, vector, nonlinear]: DarkTriple,
  { arm, nominal }: { readonly arm: 'domain' | 'broad'; readonly nominal: readonly number[] },
): readonly PaperDarkMatterRow[] {
  return nominal.map((nominalL0, i) => ({
    setting,
    arm,
    nominalL0,
    r2Norm: norm[i]!,
    r2Vector: vector[i]!,
    fvuNonlinear: nonlinear[i]!,
  }));
}

import type { ExplanationScore } from '@salmon-sae/dataflow';
import type { LatentExamples } from '../examples/examples.js';
import { bootstrap } from '../statistics/bootstrap.js';
import type { Interval } from '../statistics/interval.js';
import { controlOf } from './control-of.js';
import { settings } from './detection-score.js';
import type { ScoreOptions } from './detection-score.js';
import { pushAllTo, pushTo } from './push-strength.js';
import { normOf, randomUnitVectors, scaled } from './random-vectors.js';
import { SteeredWindows } from './steered-windows.js';
import type { Steerable } from './steered-windows.js';

export interface Intervention extends Steerable {
  /** The latent's decoder row, [width of the hook]. */
  readonly direction: Float32Array;
  /** Token ids the explanation claims (`claimedTokens`). */
  readonly claimed: Int32Array;
  /** Token ids that another latent's explanation claims, measured in the same steered runs. */
  readonly shuffled?: Int32Array;
}

export interface InterventionOptions extends ScoreOptions {
  /** Mean KL(clean || steered) to aim at, in nats: every direction is pushed equally hard. */
  readonly targetKl?: number;
  /** Silent windows steered. */
  readonly windows?: number;
  /** Random directions of the decoder row's norm steered along for comparison (default 4); 0: none. */
  readonly randomDirections?: number;
}

export interface InterventionScore {
  /** Mean change of log P(claimed tokens) by steering, in nats; above 0 = the latent promotes what it is said to mean. */
  readonly effect: Interval;
  /** Times the decoder row that was added, and the mean KL it caused. */
  readonly strength: number;
  readonly kl: number;
  /** The same for the tokens that another latent's explanation claims. */
  readonly shuffled?: Interval;
  readonly random?: RandomPushes;
}

/** The same windows and claim, pushed along random directions of equal norm, each as strongly as gives the same KL. */
export interface RandomPushes {
  readonly directions: number;
  /** Mean over directions and windows. */
  readonly effect: Interval;
  /** The latent's effect minus theirs, paired by window: 0 = the claim rises no more than by any push. */
  readonly beyond: Interval;
  readonly kl: number;
  /** Mean KL that they cause at the latent's own strength: what a vector of this length does whatever its direction. */
  readonly klAtEqualStrength: number;
}

/**
 * Intervention (after arXiv 2410.13928, section 4): steer the latent on windows in which it is silent, as strongly as gives
 * the wanted KL, and see whether the tokens its explanation claims become more likely, and more so than by random pushes. Finds
 * latents that act on the output, which detection misses. Undefined without silent windows or claimed tokens.
 */
export function interventionScore(examples: LatentExamples, by: Intervention, options: InterventionOptions = {}): InterventionScore | undefined {
  const silent = examples.scorer.random.slice(0, options.windows ?? 8);
  if (silent.length === 0 || by.claimed.length === 0 || examples.maxActivation <= 0) return undefined;
  const windows = new SteeredWindows(silent, by);
  const aim = { kl: options.targetKl ?? 0.5, largest: examples.maxActivation };
  const own = pushTo(windows, by.direction, aim);
  const sets = [by.claimed, ...(by.shuffled === undefined || by.shuffled.length === 0 ? [] : [by.shuffled])];
  const clean = windows.logMass(sets);
  const changes = minus(windows.logMass(sets, own), clean);
  const [change = [], other] = changes;
  const n = options.randomDirections ?? 4;
  const random = (): RandomPushes => {
    const width = by.direction.length;
    const units = randomUnitVectors(n, width, options.seed ?? 0);
    const directions = Array.from({ length: n }, (_, r) => scaled(units.subarray(r * width, (r + 1) * width), normOf(by.direction)));
    const { pushed, atFirst } = pushAllTo(windows, directions, { ...aim, from: own.strength });
    const theirs = pushed.map((push) => minus(windows.logMass([by.claimed], push), clean)[0] ?? []);
    return {
      directions: n,
      effect: crossed(theirs, settings(options)),
      beyond: crossed(theirs.map((list) => list.map((value, w) => (change[w] as number) - value)), settings(options)),
      kl: mean(pushed.map(({ kl }) => kl)),
      klAtEqualStrength: mean(atFirst),
    };
  };
  return {
    effect: crossed([change], settings(options)),
    strength: own.strength,
    kl: own.kl,
    ...(other === undefined ? {} : { shuffled: crossed([other], settings(options)) }),
    ...(n === 0 ? {} : { random: random() }),
  };
}

/** The rows of a feature card. */
export function interventionScores({ effect, shuffled, random }: InterventionScore): readonly ExplanationScore[] {
  const row = (metric: string, { value, low, high, n }: Interval): ExplanationScore => ({ scorer: 'intervention', metric, value, low, high, n });
  return [
    { ...row('logMassChange', effect), ...controlOf(shuffled) },
    ...(random === undefined ? [] : [row('logMassChangeRandom', random.effect), row('logMassChangeBeyondRandom', random.beyond)]),
  ];
}

/** Mean of [directions][windows] with a bootstrap over both, crossed: a drawn window or direction is drawn for the whole row or column (Owen 2007). */
function crossed(values: readonly (readonly number[])[], options: Parameters<typeof bootstrap>[2]): Interval {
  const [rows, columns] = [values.length, values[0]?.length ?? 0];
  const strata = [...new Array<number>(columns).fill(0), ...new Array<number>(rows).fill(1)];
  const weighted = (weights: Float64Array): number =>
    mean(values.map((list, r) => (weights[columns + r] as number) * mean(list.map((value, w) => value * (weights[w] as number)))));
  return { ...bootstrap(strata, weighted, options), n: columns };
}

function minus(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): readonly (readonly number[])[] {
  return a.map((list, s) => list.map((value, w) => value - (b[s]?.[w] ?? 0)));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

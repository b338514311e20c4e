import { SalmonError } from '@salmon-sae/dataflow';
import { bootstrap } from '../statistics/bootstrap.js';
import type { BootstrapOptions } from '../statistics/bootstrap.js';
import type { Interval } from '../statistics/interval.js';
import { cohenKappa, fleissKappa } from '../statistics/kappa.js';
import type { RatingKey } from './blind-items.js';
import { allAnswers, RATING_CLASSES } from './session.js';
import type { RatingAnswer, RatingSession } from './session.js';

export interface ArmRating {
  readonly sae: string;
  readonly items: number;
  /** Share of answers of each class, mean over items. */
  readonly clinical: number;
  readonly generic: number;
  readonly uninterpretable: number;
  /** Mean share of contexts that the label fits. */
  readonly fits: number;
}

export interface ArmDifference {
  readonly measure: 'clinical' | 'generic' | 'uninterpretable' | 'fits';
  /** `first` minus `second`, mean over matches, bootstrap over matches. */
  readonly first: string;
  readonly second: string;
  readonly difference: Interval;
  readonly verdict: 'first is higher' | 'second is higher' | 'no difference found';
}

export interface RatingResult {
  readonly raters: readonly string[];
  readonly answers: number;
  readonly arms: readonly ArmRating[];
  readonly differences: readonly ArmDifference[];
  /** Agreement on the class, over items that all raters answered; Cohen's for two raters, Fleiss' for more. */
  readonly kappa?: { readonly kind: 'cohen' | 'fleiss'; readonly value: Interval; readonly raters: number };
}

type Measure = ArmDifference['measure'];
const MEASURES: readonly Measure[] = ['clinical', 'generic', 'uninterpretable', 'fits'];

/** Opens the blind: joins answers with the arms behind the items. Throws `usage` for an answer without a key. */
export function ratingResult(session: RatingSession, keys: readonly RatingKey[], options: Partial<BootstrapOptions> = {}): RatingResult {
  const resample: BootstrapOptions = { seed: options.seed ?? session.seed, ...(options.replicates === undefined ? {} : { replicates: options.replicates }) };
  const answers = allAnswers(session);
  const keyOf = new Map(keys.map((key) => [key.id, key]));
  const byItem = new Map<string, RatingAnswer[]>();
  for (const answer of answers) {
    if (!keyOf.has(answer.item)) throw new SalmonError('usage', { what: 'An answer to an item without a key', where: answer.item, todo: 'Use the key file of the same session' });
    const list = byItem.get(answer.item) ?? [];
    list.push(answer);
    byItem.set(answer.item, list);
  }
  const value = (item: string, measure: Measure): number => {
    const list = byItem.get(item) as RatingAnswer[];
    const each = list.map((a) => (measure === 'fits' ? a.fits / session.contexts : a.verdict === measure ? 1 : 0));
    return each.reduce((a, b) => a + b, 0) / each.length;
  };
  const saes = [...new Set(keys.map(({ sae }) => sae))].sort();
  const rated = keys.filter(({ id }) => byItem.has(id));
  const arms = saes.map((sae): ArmRating => {
    const own = rated.filter((key) => key.sae === sae);
    const mean = (measure: Measure): number => own.reduce((sum, { id }) => sum + value(id, measure), 0) / own.length;
    return { sae, items: own.length, clinical: mean('clinical'), generic: mean('generic'), uninterpretable: mean('uninterpretable'), fits: mean('fits') };
  });
  const differences = saes.flatMap((first, i) =>
    saes.slice(i + 1).flatMap((second) => MEASURES.flatMap((measure) => difference({ rated, value, measure }, [first, second], resample))),
  );
  const raters = [...new Set(answers.map(({ rater }) => rater))].sort();
  const kappa = agreement(byItem, raters, resample);
  return { raters, answers: answers.length, arms, differences, ...(kappa === undefined ? {} : { kappa }) };
}

function difference(
  of: { readonly rated: readonly RatingKey[]; readonly value: (item: string, measure: Measure) => number; readonly measure: Measure },
  [first, second]: readonly [string, string],
  resample: BootstrapOptions,
): readonly ArmDifference[] {
  const seconds = new Map(of.rated.filter((key) => key.sae === second).map((key) => [key.pair, key]));
  const gaps = of.rated.flatMap((key) => {
    const other = key.sae === first ? seconds.get(key.pair) : undefined;
    return other === undefined ? [] : [of.value(key.id, of.measure) - of.value(other.id, of.measure)];
  });
  if (gaps.length === 0) return [];
  const interval = bootstrap(gaps.map(() => 0), (w) => gaps.reduce((sum, gap, i) => sum + gap * (w[i] as number), 0) / gaps.length, resample);
  const verdict = interval.low > 0 ? 'first is higher' : interval.high < 0 ? 'second is higher' : 'no difference found';
  return [{ measure: of.measure, first, second, difference: interval, verdict }];
}

function agreement(byItem: ReadonlyMap<string, readonly RatingAnswer[]>, raters: readonly string[], resample: BootstrapOptions): RatingResult['kappa'] {
  const complete = [...byItem.values()].filter((list) => list.length === raters.length);
  if (raters.length < 2 || complete.length === 0) return undefined;
  const category = (answer: RatingAnswer | undefined): number => RATING_CLASSES.findIndex((c) => c === answer?.verdict);
  if (raters.length === 2) {
    const pairs = complete.map((list) => [category(list.find((a) => a.rater === raters[0])), category(list.find((a) => a.rater === raters[1]))] as const);
    return { kind: 'cohen', value: cohenKappa(pairs, RATING_CLASSES.length, resample), raters: 2 };
  }
  const counts = complete.map((list) => RATING_CLASSES.map((c) => list.filter((a) => a.verdict === c).length));
  return { kind: 'fleiss', value: fleissKappa(counts, resample), raters: raters.length };
}

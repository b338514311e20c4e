import { random } from '@salmon-sae/dataflow';
import type { Sampled } from '@salmon-sae/metrics';
import { independentDifference, interval, sampleMean } from '@salmon-sae/metrics';
import type { ArmFacts, Measure, SaeRow, VerdictItem } from '../report/index.js';
import { judge, verdictRules } from '../report/index.js';
import { sharedWidths } from './compare-arms.js';
import type { InterpretedSae } from './interpret-arms.js';
import type { MeasuredSae } from './measured.js';
import type { PlannedSae } from './plan.js';

/** Fewer scored latents than this are not judged. */
const LEAST = 2;

/** Detection score of an SAE's sampled latents, mean with a bootstrap interval over latents, its two controls, and what exceeds random directions. */
export function detectionOf(interpreted: InterpretedSae | undefined): Pick<SaeRow, 'detection'> {
  if (interpreted === undefined || interpreted.detection.length === 0) return {};
  const { detection } = interpreted;
  const over = overRandom(interpreted);
  return {
    detection: {
      latents: detection.length,
      score: interval(sampleMean('detection', detection.map(({ score }) => score))),
      ...measured('shuffled', detection.flatMap(({ shuffled }) => shuffled ?? [])),
      ...measured('random', detection.flatMap((one) => one.random ?? [])),
      ...measured('overRandom', over),
      ...(over.length === 0 ? {} : { paired: over.length }),
    },
  };
}

function measured<K extends 'shuffled' | 'random' | 'overRandom'>(key: K, values: readonly number[]): Partial<Record<K, Measure>> {
  return values.length === 0 ? {} : ({ [key]: interval(sampleMean('detection', values)) } as Record<K, Measure>);
}

/**
 * Domain minus broad in what detection exceeds random directions of equal density by, paired latent by latent within each arm; the two
 * arms' samples of latents are drawn independently. Without random directions nothing is judged.
 */
export function compareDetection(task: {
  readonly arms: readonly ArmFacts[];
  readonly plans: readonly PlannedSae[];
  readonly interpreted: readonly InterpretedSae[];
  readonly measured: readonly MeasuredSae[];
}): readonly VerdictItem[] {
  const rule = verdictRules.find(({ metric }) => metric === 'detection');
  const of = (arm: string): InterpretedSae | undefined =>
    task.interpreted.find((each) => each.arm === arm && task.plans.some((plan) => plan.name === each.sae));
  const [domain, broad] = [of('domain'), of('broad')];
  if (rule === undefined || domain === undefined || broad === undefined || [domain, broad].some((one) => overRandom(one).length < LEAST)) return [];
  const [first, second] = [sampledExcess(domain), sampledExcess(broad)];
  const latents = task.plans.find(({ name }) => name === domain.sae)?.latents;
  return [
    judge(rule, task.arms, {
      metric: 'detection',
      level: 'mid',
      l0: task.measured.find((sae) => sae.sae === domain.sae)?.metrics['l0@1']?.value ?? 0,
      first: { arm: 'domain', value: first.value },
      second: { arm: 'broad', value: second.value },
      difference: interval(independentDifference(first, second)),
      ...(latents === undefined || sharedWidths(task.plans, 'domain', 'broad').length < 2 ? {} : { latents }),
    }),
  ];
}

function overRandom({ detection }: InterpretedSae): readonly number[] {
  return detection.flatMap((one) => (one.random === null ? [] : [one.score - one.random]));
}

function sampledExcess(one: InterpretedSae): Sampled {
  return sampleMean('detection', overRandom(one), { seed: random(1, 'detection', one.sae).below(2 ** 31) });
}

import { random } from '@salmon-sae/dataflow';
import type { ArmFacts, Measure, VerdictItem } from '../report/index.js';
import { judge, verdictRules } from '../report/index.js';
import type { InterpretedSae } from './interpret-arms.js';
import type { MeasuredSae } from './measured.js';
import type { PlannedSae } from './plan.js';

const DRAWS = 2000;

/** Mean detection score of an SAE's sampled latents, with a bootstrap interval over latents, and its control. */
export function detectionOf(interpreted: InterpretedSae | undefined): { readonly detection?: Measure; readonly detectionControl?: Measure } {
  if (interpreted === undefined || interpreted.detection.length === 0) return {};
  const scores = interpreted.detection.map(({ score }) => score);
  const controls = interpreted.detection.flatMap(({ control }) => (control === null ? [] : [control]));
  return {
    detection: meanWithInterval(scores),
    ...(controls.length === 0 ? {} : { detectionControl: meanWithInterval(controls) }),
  };
}

/** Domain minus broad in mean detection score at the headline setting; the two samples of latents are drawn independently. */
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
  if (rule === undefined || domain === undefined || broad === undefined || domain.detection.length < 2 || broad.detection.length < 2) return [];
  const [a, b] = [domain.detection.map(({ score }) => score), broad.detection.map(({ score }) => score)];
  const draw = random(1, 'detection-difference');
  const differences = Array.from({ length: DRAWS }, () => resampledMean(a, draw) - resampledMean(b, draw)).sort((p, q) => p - q);
  const l0 = task.measured.find((sae) => sae.sae === domain.sae)?.metrics['l0@1']?.value ?? 0;
  return [
    judge(rule, task.arms, {
      metric: 'detection',
      level: 'mid',
      l0,
      first: { arm: 'domain', value: mean(a) },
      second: { arm: 'broad', value: mean(b) },
      difference: { value: mean(a) - mean(b), low: differences[Math.floor(0.025 * DRAWS)] ?? 0, high: differences[Math.ceil(0.975 * DRAWS) - 1] ?? 0 },
    }),
  ];
}

function meanWithInterval(values: readonly number[]): Measure {
  if (values.length < 2) return { value: mean(values) };
  const draw = random(1, 'detection');
  const means = Array.from({ length: DRAWS }, () => resampledMean(values, draw)).sort((p, q) => p - q);
  return { value: mean(values), low: means[Math.floor(0.025 * DRAWS)] ?? 0, high: means[Math.ceil(0.975 * DRAWS) - 1] ?? 0 };
}

function resampledMean(values: readonly number[], draw: { below(n: number): number }): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[draw.below(values.length)] ?? 0;
  return sum / values.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

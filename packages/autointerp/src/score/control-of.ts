import type { ExplanationScore } from '@salmon-sae/dataflow';
import type { Interval } from '../statistics/interval.js';

/** A control's part of a score row; nothing where the control was not run or could not be measured. */
export function controlOf(control: Interval | undefined): Pick<ExplanationScore, 'control' | 'controlLow' | 'controlHigh'> {
  if (control === undefined || !Number.isFinite(control.value)) return {};
  return { control: control.value, controlLow: control.low, controlHigh: control.high };
}

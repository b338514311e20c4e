import { ABSORPTION_DEFAULTS, interval } from '@salmon-sae/metrics';
import type { Absorption } from '@salmon-sae/metrics';
import { measure } from './extra-task.js';
import type { ExtraColumn, ExtraRow } from './extra-task.js';

export const ABSORPTION_IDS: readonly string[] = ['absorption_full@1', 'absorption_fraction@1'];

export const ABSORPTION_COLUMNS: readonly ExtraColumn[] = [
  { id: 'full', label: 'Full' },
  { id: 'fraction', label: 'Fraction' },
  { id: 'f1', label: 'Probe F1, mean' },
  { id: 'best', label: 'Probe F1, best' },
  { id: 'usable', label: 'Usable classes' },
];

/** What the columns on probes say. */
export const ABSORPTION_NOTE = `Probe F1: how well linear probes on the activation itself tell the classes on held-out words; absorption is measured only for classes with at least ${ABSORPTION_DEFAULTS.minF1}. A dash: no probe is that good, so the model does not hold the classes in a form that could be absorbed.`;

/** Rates with their intervals, and how good the probes were that they rest on. */
export function absorptionCells({ metrics, classes }: Pick<Absorption, 'metrics' | 'classes'>): ExtraRow {
  const f1 = classes.map(({ probeF1 }) => probeF1);
  const rates = ABSORPTION_IDS.map((id) => measure(metrics[id] === undefined ? undefined : interval(metrics[id])));
  return [...rates, f1.length === 0 ? null : f1.reduce((sum, value) => sum + value, 0) / f1.length, f1.length === 0 ? null : Math.max(...f1), classes.filter(({ usable }) => usable).length];
}

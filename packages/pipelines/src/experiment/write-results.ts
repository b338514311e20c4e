import type { MetricRow } from '@salmon-sae/dataflow';
import { writeFileAtomic } from '@salmon-sae/dataflow';
import { double, int32, optional, text, writeParquet } from '@salmon-sae/dataflow/parquet';
import { toRows } from '@salmon-sae/metrics';
import type { ReportData } from '../report/index.js';
import { writeReport } from '../report/index.js';
import type { MeasuredText } from './measured.js';
import type { PlannedSae } from './plan.js';
import type { RunDirectory } from './run-directory.js';
import type { TrainedSae } from './train-arms.js';

export interface DomainReport {
  readonly name: string;
  readonly title: string;
  readonly data: ReportData;
}

export interface RunResults {
  readonly reports: readonly DomainReport[];
  readonly measured: readonly MeasuredText[];
  readonly plans: readonly PlannedSae[];
  readonly trained: readonly TrainedSae[];
  readonly notice: (text: string) => void;
}

/** Columns of metrics.parquet, those of a metric row; a number that is not defined (NaN) is null. */
export const METRIC_COLUMNS = {
  run: text,
  sae: text,
  step: int32,
  metric: text,
  split: text,
  domain: text,
  value: optional(double),
  low: optional(double),
  high: optional(double),
} as const;

/** Writes the stored rows, the list of SAEs and one report per domain: the first as report.*, the others as report-<domain>.*. */
export async function writeResults(run: RunDirectory, results: RunResults): Promise<void> {
  const first = results.reports[0]?.data.run.id ?? '';
  const rows = metricRows(first, results.measured);
  await writeFileAtomic(run.file('metrics.json'), `${JSON.stringify(rows, null, 1)}\n`);
  await writeParquet(
    run.file('metrics.parquet'),
    METRIC_COLUMNS,
    rows.map(({ value, low, high, ...row }) => ({ ...row, value, low: low ?? null, high: high ?? null })),
  );
  await writeFileAtomic(run.file('saes.json'), `${JSON.stringify(results.trained.map((sae) => ({ ...sae, ...results.plans.find((plan) => plan.name === sae.name) })), null, 1)}\n`);
  const pages = results.reports.map(({ name, title }, i) => ({ title, href: i === 0 ? 'report.html' : `report-${name}.html` }));
  for (const [i, { name, data }] of results.reports.entries()) {
    const related = pages.filter((_, other) => other !== i);
    const linked = related.length === 0 ? data : { ...data, related };
    await writeReport(run.path, linked, { ...(i === 0 ? {} : { part: name }), notice: i === 0 ? results.notice : () => undefined });
  }
}

function metricRows(run: string, measured: readonly MeasuredText[]): readonly MetricRow[] {
  return measured.flatMap((held) =>
    held.saes.flatMap(({ sae, metrics, withSpecials }) => [
      ...toRows(Object.values(metrics), { run, sae, split: 'eval', domain: held.text }),
      ...toRows(Object.values(withSpecials), { run, sae, split: 'eval, special tokens included', domain: held.text }),
    ]),
  );
}

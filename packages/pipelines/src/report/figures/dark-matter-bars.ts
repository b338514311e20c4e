import * as Plot from '@observablehq/plot';
import type { Figure } from '../document.js';
import { formatNumber } from '../number-format.js';
import type { ReportData, TextKind } from '../report-data.js';
import { armsWithCurves, leftOutNote, oneWidth } from '../widths.js';
import { armStyles } from './arm-style.js';
import { panelName } from './metric-curves.js';
import { plotSvg } from './plot-svg.js';

interface Bar {
  readonly arm: string;
  readonly target: string;
  readonly linear: number;
  readonly nonlinear: number;
}

/** Unexplained variance of one text, split into the part a linear map of the activation predicts and the part it does not. */
export function darkMatterBars(data: ReportData, text: TextKind): Figure | undefined {
  const styles = armStyles(data.arms);
  const bars = meanBars(data, text);
  if (bars.length === 0) return undefined;
  const arms = data.arms.filter((arm) => bars.some((bar) => bar.arm === arm.id));
  const targets = [...new Set(bars.map((bar) => bar.target))];
  const marks = arms.flatMap((arm) => {
    const own = bars.filter((bar) => bar.arm === arm.id);
    const { color } = styles.get(arm.id)!;
    return [
      Plot.rectY(own, { x: 'arm', fx: 'target', y1: 0, y2: 'nonlinear', fill: color, stroke: color, insetLeft: 1, insetRight: 1 }),
      Plot.rectY(own, { x: 'arm', fx: 'target', y1: 'nonlinear', y2: (bar: Bar) => bar.nonlinear + bar.linear, fill: color, fillOpacity: 0.35, stroke: color, insetLeft: 1, insetRight: 1 }),
    ];
  });
  const title = `What the reconstruction leaves out, ${panelName[text]}`;
  const alt = `${title}: ${bars.map((bar) => `${armLabel(data, bar.arm)}, ${bar.target}: linear ${formatNumber(bar.linear, 'fixed3')}, nonlinear ${formatNumber(bar.nonlinear, 'fixed3')}`).join('; ')}.`;
  const svg = plotSvg(
    {
      x: { type: 'band', domain: arms.map((arm) => arm.id), axis: null, padding: 0.15 },
      fx: { domain: targets, label: null, axis: 'bottom', padding: 0.12 },
      y: { label: '↑ fraction of variance unexplained', grid: true, zero: true, nice: true },
      height: 300,
      marginTop: 26,
      marks: [...marks, Plot.ruleY([0], { strokeOpacity: 0.6 })],
    },
    {
      title,
      alt,
      legend: arms.flatMap((arm) => [
        { label: `${arm.label}: nonlinear part`, style: styles.get(arm.id)!, shape: 'box' as const },
        { label: `${arm.label}: linear part`, style: styles.get(arm.id)!, shape: 'faint' as const },
      ]),
    },
  );
  return {
    kind: 'figure',
    id: `dark-matter-${text}`,
    title,
    caption: `Bars: fraction of variance unexplained (FVU) per target L0, mean over seeds. Solid: what remains after a linear map of the activation has predicted as much of the error as it can. Faint: what that map predicts. The linear map is fitted on other tokens than it is tested on.${leftOutNote(data.arms, data.saes)}`,
    alt,
    svg,
  };
}

function meanBars(data: ReportData, text: TextKind): readonly Bar[] {
  const groups = new Map<string, { bar: Bar; order: number; n: number }>();
  const rows = armsWithCurves(data.arms, data.saes).flatMap((arm) => oneWidth(data.saes.filter((row) => row.arm === arm.id)));
  for (const row of rows) {
    const linear = row.texts[text]?.fvuLinear;
    const nonlinear = row.texts[text]?.fvuNonlinear;
    if (linear === undefined || nonlinear === undefined) continue;
    const target = row.targetL0 === undefined ? row.sae : `target L0 ${formatNumber(row.targetL0, 'short')}`;
    const key = `${row.arm}\n${target}`;
    const held = groups.get(key) ?? { bar: { arm: row.arm, target, linear: 0, nonlinear: 0 }, order: row.targetL0 ?? 0, n: 0 };
    const n = held.n + 1;
    const step = (mean: number, value: number): number => mean + (value - mean) / n;
    groups.set(key, { ...held, n, bar: { ...held.bar, linear: step(held.bar.linear, linear.value), nonlinear: step(held.bar.nonlinear, nonlinear.value) } });
  }
  return [...groups.values()].sort((a, b) => a.order - b.order).map(({ bar }) => bar);
}

function armLabel(data: ReportData, id: string): string {
  return data.arms.find((arm) => arm.id === id)?.label ?? id;
}

import type { JSX } from 'preact';
import type { MeasureData, RunData, SaeData, SetData } from '../../src/wire.js';
import { Arm, armIndex, armLabel } from './arm.js';
import { Axes, FRAME, linear, logarithmic } from './axes.js';
import { number } from './format.js';
import { METRICS } from './plots-page.js';
import { link } from './route.js';
import { useRoving } from './roving.js';

interface Point {
  readonly sae: SaeData;
  readonly l0: number;
  readonly y: MeasureData;
}

/** One curve per arm; a point whose SAE has cards leads to its features. */
export function ParetoPlot({ run, metric, text }: { readonly run: RunData; readonly metric: string; readonly text: string }): JSX.Element {
  const roving = useRoving();
  const points = run.saes
    .flatMap((sae) => {
      const l0 = sae.texts[text]?.['l0'];
      const y = sae.texts[text]?.[metric];
      return l0 === undefined || y === undefined || l0.value <= 0 ? [] : [{ sae, l0: l0.value, y } satisfies Point];
    })
    .sort((a, b) => a.l0 - b.l0);
  if (points.length === 0) return <p class="muted">The run did not measure this on this text.</p>;
  const { width, height, left, right, top, bottom } = FRAME;
  const x = logarithmic([Math.min(...points.map((p) => p.l0)), Math.max(...points.map((p) => p.l0))], [left, width - right]);
  const lows = points.map(({ y }) => y.low ?? y.value);
  const highs = points.map(({ y }) => y.high ?? y.value);
  const y = linear([Math.min(...lows), Math.max(...highs)], [height - bottom, top]);
  const linked = points.filter(({ sae }) => setOf(run, sae) !== undefined);
  const arms = [...new Set(points.map(({ sae }) => sae.arm))].sort((a, b) => armIndex(run, a) - armIndex(run, b));
  return (
    <figure>
      <svg viewBox={`0 0 ${width} ${height}`} aria-label={`${METRICS[metric] ?? metric} against L0 on ${text} text; the table below has the numbers`} role="group" onKeyDown={roving.onKeyDown}>
        <Axes x={x} y={y} xLabel="measured L0 (latents active per token, log scale)" yLabel={METRICS[metric] ?? metric} />
        {arms.map((arm) => (
          <polyline key={arm} class={`curve arm-${armIndex(run, arm)}`} points={means(points.filter(({ sae }) => sae.arm === arm)).map((p) => `${x(p.l0)},${y(p.value)}`).join(' ')} />
        ))}
        {points.map((p) => (
          <line key={p.sae.sae} class={`whisker arm-${armIndex(run, p.sae.arm)}`} x1={x(p.l0)} x2={x(p.l0)} y1={y(p.y.low ?? p.y.value)} y2={y(p.y.high ?? p.y.value)} />
        ))}
        {points
          .filter(({ sae }) => setOf(run, sae) === undefined)
          .map((p) => (
            <circle key={p.sae.sae} class={`point arm-${armIndex(run, p.sae.arm)}`} cx={x(p.l0)} cy={y(p.y.value)} r={3.5}>
              <title>{saidOf(run, p)}</title>
            </circle>
          ))}
        {linked.map((p, mark) => (
          <a
            key={p.sae.sae}
            class={`arm-${armIndex(run, p.sae.arm)}`}
            href={link('features', [], { set: setOf(run, p.sae)?.id })}
            aria-label={`${saidOf(run, p)}. Open its features`}
            data-mark={mark}
            tabindex={roving.tabIndex(mark)}
          >
            <circle class="point linked" cx={x(p.l0)} cy={y(p.y.value)} r={7}>
              <title>{saidOf(run, p)}. Open its features</title>
            </circle>
          </a>
        ))}
      </svg>
      <figcaption>
        {arms.map((arm) => (
          <Arm key={arm} run={run} arm={arm} />
        ))}
        <span>Small points are single SAEs (seeds) with 95% intervals, lines join their means at each target L0. Large filled points open the features of their SAE.</span>
      </figcaption>
      <details>
        <summary>Numbers</summary>
        <div class="scroll-x" tabIndex={0} role="group" aria-label="Numbers of the plot">
          <table>
            <thead>
              <tr>
                <th scope="col">SAE</th>
                <th scope="col" class="num">
                  L0
                </th>
                <th scope="col" class="num">
                  Value
                </th>
                <th scope="col" class="num">
                  95% interval
                </th>
              </tr>
            </thead>
            <tbody>
              {points.map((p) => (
                <tr key={p.sae.sae}>
                  <th scope="row">{p.sae.sae}</th>
                  <td class="num">{number(p.l0)}</td>
                  <td class="num">{number(p.y.value, 4)}</td>
                  <td class="num">{p.y.low === undefined ? '–' : `${number(p.y.low, 4)} – ${number(p.y.high, 4)}`}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}

function setOf(run: RunData, { sae }: SaeData): SetData | undefined {
  return run.sets.find((set) => set.sae === sae);
}

function saidOf(run: RunData, { sae, l0, y }: Point): string {
  return `${armLabel(run, sae.arm)}, L0 ${number(l0)}: ${number(y.value)}`;
}

/** Mean L0 and value over the seeds of each target, from small to large. */
function means(points: readonly Point[]): readonly { readonly l0: number; readonly value: number }[] {
  const targets = new Map<string, Point[]>();
  for (const point of points) {
    const key = `${point.sae.latents} ${point.sae.targetL0 ?? point.sae.sae}`;
    targets.set(key, [...(targets.get(key) ?? []), point]);
  }
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return [...targets.values()].map((group) => ({ l0: mean(group.map(({ l0 }) => l0)), value: mean(group.map(({ y }) => y.value)) })).sort((a, b) => a.l0 - b.l0);
}

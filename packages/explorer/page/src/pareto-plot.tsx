import type { JSX } from 'preact';
import type { RunData } from '../../src/wire.js';
import { Arm, armIndex, armLabel } from './arm.js';
import { Axes, FRAME, linear, logarithmic } from './axes.js';
import { number } from './format.js';
import { METRICS } from './plots-page.js';
import { link } from './route.js';

/** One curve per arm; a point whose SAE has cards leads to its features. */
export function ParetoPlot({ run, metric, text }: { readonly run: RunData; readonly metric: string; readonly text: string }): JSX.Element {
  const points = run.saes
    .flatMap((sae) => {
      const l0 = sae.texts[text]?.['l0'];
      const y = sae.texts[text]?.[metric];
      return l0 === undefined || y === undefined || l0.value <= 0 ? [] : [{ sae, l0: l0.value, y }];
    })
    .sort((a, b) => a.l0 - b.l0);
  if (points.length === 0) return <p class="muted">The run did not measure this on this text.</p>;
  const { width, height, left, right, top, bottom } = FRAME;
  const x = logarithmic([Math.min(...points.map((p) => p.l0)), Math.max(...points.map((p) => p.l0))], [left, width - right]);
  const lows = points.map(({ y }) => y.low ?? y.value);
  const highs = points.map(({ y }) => y.high ?? y.value);
  const y = linear([Math.min(...lows), Math.max(...highs)], [height - bottom, top]);
  const arms = [...new Set(points.map(({ sae }) => sae.arm))].sort((a, b) => armIndex(run, a) - armIndex(run, b));
  return (
    <figure>
      <svg viewBox={`0 0 ${width} ${height}`} aria-label={`${METRICS[metric] ?? metric} against L0 on ${text} text; the table below has the numbers`} role="group">
        <Axes x={x} y={y} xLabel="measured L0 (latents active per token, log scale)" yLabel={METRICS[metric] ?? metric} />
        {arms.map((arm) => {
          const own = points.filter(({ sae }) => sae.arm === arm);
          const first = own.filter(({ sae }) => sae.seed === own[0]?.sae.seed);
          return (
            <g key={arm} class={`arm-${armIndex(run, arm)}`}>
              <polyline class="curve" points={first.map((p) => `${x(p.l0)},${y(p.y.value)}`).join(' ')} />
              {own.map((p) => {
                const set = run.sets.find(({ sae }) => sae === p.sae.sae);
                const said = `${armLabel(run, arm)}, L0 ${number(p.l0)}: ${number(p.y.value)}`;
                const mark = (
                  <>
                    {p.y.low !== undefined && p.y.high !== undefined && <line class="whisker" x1={x(p.l0)} x2={x(p.l0)} y1={y(p.y.low)} y2={y(p.y.high)} />}
                    <circle class={set === undefined ? 'point' : 'point linked'} cx={x(p.l0)} cy={y(p.y.value)} r={set === undefined ? 4 : 7}>
                      <title>{set === undefined ? said : `${said}. Open its features`}</title>
                    </circle>
                  </>
                );
                return set === undefined ? (
                  <g key={p.sae.sae}>{mark}</g>
                ) : (
                  <a key={p.sae.sae} href={link('features', [], { set: set.id })} aria-label={`${said}. Open its features`}>
                    {mark}
                  </a>
                );
              })}
            </g>
          );
        })}
      </svg>
      <figcaption>
        {arms.map((arm) => (
          <Arm key={arm} run={run} arm={arm} />
        ))}{' '}
        <span class="muted">Large points have feature cards: click to open them. Bars are 95% intervals.</span>
      </figcaption>
      <details>
        <summary>Numbers</summary>
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
      </details>
    </figure>
  );
}

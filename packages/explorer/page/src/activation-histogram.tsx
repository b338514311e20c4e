import type { JSX } from 'preact';
import type { ActivationHistogram } from '@salmon-sae/dataflow';
import { roundTicks } from './axes.js';
import { number, plural } from './format.js';

const WIDTH = 500;
const HEIGHT = 130;
const LEFT = 44;
const TOP = 8;
/** More bars than this are joined two by two. */
const MOST_BARS = 32;

interface Bar {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

function barsOf({ edges, counts }: ActivationHistogram): readonly Bar[] {
  let bars = counts.map((count, i): Bar => ({ from: edges[i] ?? 0, to: edges[i + 1] ?? 0, count }));
  while (bars.length > MOST_BARS) {
    // From the strong end, so that the bars of two SAEs on one scale have the same edges there.
    const joined: Bar[] = [];
    for (let end = bars.length; end > 0; end -= 2) {
      const [low, high] = [bars[end - 2], bars[end - 1] as Bar];
      joined.unshift(low === undefined ? high : { from: low.from, to: high.to, count: low.count + high.count });
    }
    bars = joined;
  }
  return bars;
}

/** Activations on all tokens read, on a logarithmic axis; tokens at zero are stated, since they would dwarf every bar. */
export function Histogram({ histogram, density }: { readonly histogram: ActivationHistogram; readonly density: number }): JSX.Element {
  const bars = barsOf(histogram);
  const active = histogram.counts.reduce((a, b) => a + b, 0);
  const most = Math.max(1, ...bars.map(({ count }) => count));
  // What is weaker than the recorded range has no lower end: it is drawn one octave wide.
  const low = bars[0] === undefined ? 1 : bars[0].from > 0 ? bars[0].from : bars[0].to / 2;
  const high = bars[bars.length - 1]?.to ?? 2;
  const x = (value: number): number => LEFT + ((Math.log2(Math.max(value, low)) - Math.log2(low)) / (Math.log2(high / low) || 1)) * (WIDTH - LEFT - 4);
  const y = (count: number): number => TOP + HEIGHT * (1 - count / most);
  return (
    <figure>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + TOP + 40}`} role="img" aria-label={`Histogram of ${plural(active, 'activation')} from ${number(low)} to ${number(high)}; the fullest bar holds ${plural(most, 'token')}.`}>
        {roundTicks(0, most, 3).filter(Number.isInteger).map((tick) => (
          <g key={tick}>
            <line class="gridline" x1={LEFT} x2={WIDTH} y1={y(tick)} y2={y(tick)} />
            <text x={LEFT - 6} y={y(tick) + 4} text-anchor="end">
              {tick.toLocaleString('en')}
            </text>
          </g>
        ))}
        {bars.map(({ from, to, count }) => (
          <rect key={to} class="all" x={x(from) + 0.5} width={Math.max(0.5, x(to) - x(from) - 1)} y={y(count)} height={HEIGHT + TOP - y(count)}>
            <title>{`${plural(count, 'token')} with an activation ${from > 0 ? `from ${number(from)} to` : 'below'} ${number(to)}`}</title>
          </rect>
        ))}
        <line class="axis" x1={LEFT} x2={WIDTH} y1={HEIGHT + TOP} y2={HEIGHT + TOP} />
        {logTicks(low, high).map((tick) => (
          <text key={tick} x={x(tick)} y={HEIGHT + TOP + 15} text-anchor="middle">
            {number(tick)}
          </text>
        ))}
        <text x={(LEFT + WIDTH) / 2} y={HEIGHT + TOP + 34} text-anchor="middle">
          activation (log scale)
        </text>
        <text x={10} y={TOP + HEIGHT / 2} text-anchor="middle" transform={`rotate(-90 10 ${TOP + HEIGHT / 2})`}>
          tokens
        </text>
      </svg>
      <figcaption>
        {plural(active, 'active token')} of all tokens read; on the other {number(100 * (1 - density), 4)}% the activation is 0.
      </figcaption>
    </figure>
  );
}

/** Round values where the range is short, or else at most six powers of two. */
function logTicks(low: number, high: number): readonly number[] {
  if (high < 12 * low) return roundTicks(low, high, 6);
  const [first, last] = [Math.ceil(Math.log2(low)), Math.floor(Math.log2(high))];
  const step = Math.max(1, Math.ceil((last - first + 1) / 6));
  const ticks: number[] = [];
  for (let power = last; power >= first; power -= step) ticks.unshift(2 ** power);
  return ticks;
}

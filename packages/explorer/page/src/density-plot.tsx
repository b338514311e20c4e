import type { JSX } from 'preact';
import type { RunData, SetData } from '../../src/wire.js';
import { Arm, armIndex, armLabel, setLabel } from './arm.js';
import { Axes, FRAME, linear } from './axes.js';
import { features, useLoaded } from './data.js';
import { percent, plural } from './format.js';
import { link } from './route.js';
import { useRoving } from './roving.js';

/** Bins of a quarter decade. */
const PER_DECADE = 4;

/** Histograms of log10 density, a bar of each SAE side by side; a bar leads to the latents in it. */
export function DensityPlot({ run }: { readonly run: RunData }): JSX.Element {
  const loaded = useLoaded(() => Promise.all(run.sets.map(async (set) => ({ set, density: (await features(set.id)).density }))), 'density');
  if (loaded.error !== undefined) return <p role="alert" class="error">{loaded.error}</p>;
  if (loaded.value === undefined) return <p class="wait">Reading the features…</p>;
  const bin = (density: number): number => Math.floor(Math.log10(density) * PER_DECADE);
  const live = loaded.value.flatMap(({ density }) => density.filter((d) => d > 0).map(bin));
  if (live.length === 0) return <p class="muted">No latent fired.</p>;
  const low = live.reduce((a, b) => Math.min(a, b), 0);
  const high = Math.min(-1, live.reduce((a, b) => Math.max(a, b), low));
  const rows = loaded.value.map(({ set, density }) => {
    const counts = new Array<number>(high - low + 1).fill(0);
    for (const d of density) if (d > 0) counts[Math.min(high, bin(d)) - low] = (counts[Math.min(high, bin(d)) - low] ?? 0) + 1;
    return { set, counts };
  });
  return <Bars run={run} rows={rows} low={low} />;
}

interface BarsProps {
  readonly run: RunData;
  readonly rows: readonly { readonly set: SetData; readonly counts: readonly number[] }[];
  /** Number of the first bin. */
  readonly low: number;
}

function Bars({ run, rows, low }: BarsProps): JSX.Element {
  const roving = useRoving();
  const bins = rows[0]?.counts.length ?? 0;
  const most = rows.flatMap(({ counts }) => counts).reduce((a, b) => Math.max(a, b), 1);
  const { width, height, left, right, top, bottom } = FRAME;
  const x = linear([low / PER_DECADE, (low + bins) / PER_DECADE], [left, width - right]);
  const y = linear([0, most], [height - bottom, top]);
  const gap = (x((low + 1) / PER_DECADE) - x(low / PER_DECADE)) / (rows.length + 0.5);
  const ticks = Object.assign((value: number) => x(value), { ticks: x.ticks.filter(Number.isInteger) });
  const bars = rows.flatMap(({ set, counts }, r) => counts.flatMap((count, i) => (count === 0 ? [] : [{ set, count, r, i }])));
  return (
    <figure>
      <svg viewBox={`0 0 ${width} ${height}`} role="group" aria-label="Number of latents by density; arrow keys go from bar to bar" onKeyDown={roving.onKeyDown}>
        <Axes x={ticks} y={y} xLabel="density (share of tokens, log scale)" yLabel="latents" xText={(tick) => `${Number((100 * 10 ** tick).toPrecision(1))}%`} />
        {bars.map(({ set, count, r, i }, mark) => {
          const from = 10 ** ((low + i) / PER_DECADE);
          const to = 10 ** ((low + i + 1) / PER_DECADE);
          const said = `${setLabel(run, set.id)}: ${plural(count, 'latent')} of density ${percent(from)} to ${percent(to)}`;
          return (
            <a
              key={`${set.id} ${i}`}
              class={`arm-${armIndex(run, set.arm)}`}
              href={link('features', [], { set: set.id, from: from.toPrecision(6), to: to.toPrecision(6), sort: 'density' })}
              aria-label={`${said}. Open them`}
              data-mark={mark}
              tabindex={roving.tabIndex(mark)}
            >
              <rect class="density" x={x((low + i) / PER_DECADE) + r * gap + gap * 0.25} y={y(count)} width={gap} height={y(0) - y(count)}>
                <title>{said}</title>
              </rect>
            </a>
          );
        })}
      </svg>
      <figcaption>
        {rows.map(({ set }) => (
          <span key={set.id}>
            <Arm run={run} arm={set.arm} /> {setLabel(run, set.id) === armLabel(run, set.arm) ? '' : set.sae} {set.cards.toLocaleString('en')} of {set.latents.toLocaleString('en')} fired
          </span>
        ))}
        <span>A bar opens its latents.</span>
      </figcaption>
    </figure>
  );
}

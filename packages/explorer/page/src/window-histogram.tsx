import type { JSX } from 'preact';
import type { FeatureContext } from '@salmon-sae/dataflow';
import { number } from './format.js';

const BINS = 24;
const WIDTH = 500;
const HEIGHT = 120;

/** How strongly the tokens of the contexts on the card fire, stacked by the quantile of their context: for runs that did not record all tokens. */
export function WindowHistogram({ contexts, max }: { readonly contexts: readonly FeatureContext[]; readonly max: number }): JSX.Element {
  const last = contexts.reduce((a, { quantile }) => Math.max(a, quantile), 0);
  const groups = [
    { label: 'strongest list', of: (q: number) => q < 0 },
    { label: 'upper half of the sample', of: (q: number) => q >= 0 && q <= last / 2 },
    { label: 'lower half of the sample', of: (q: number) => q > last / 2 },
  ];
  const counts = groups.map(({ of }) => {
    const bins = new Array<number>(BINS).fill(0);
    for (const context of contexts.filter(({ quantile }) => of(quantile))) {
      for (const value of context.activations) {
        if (value <= 0) continue;
        const bin = Math.min(BINS - 1, Math.floor((BINS * value) / max));
        bins[bin] = (bins[bin] ?? 0) + 1;
      }
    }
    return bins;
  });
  const totals = Array.from({ length: BINS }, (_, bin) => counts.reduce((sum, bins) => sum + (bins[bin] ?? 0), 0));
  const most = Math.max(1, ...totals);
  const step = WIDTH / BINS;
  const fired = totals.reduce((a, b) => a + b, 0);
  return (
    <figure>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + 18}`} role="img" aria-label={`Histogram of ${fired} activations between 0 and ${number(max)}; the fullest bar holds ${most}.`}>
        {totals.map((_, bin) => {
          let base = HEIGHT;
          return counts.map((bins, group) => {
            const height = (HEIGHT * (bins[bin] ?? 0)) / most;
            base -= height;
            return height === 0 ? null : <rect key={`${bin}-${group}`} class={`q${group}`} x={bin * step + 0.5} y={base} width={step - 1} height={height} />;
          });
        })}
        <line class="axis" x1={0} x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
        <text x={0} y={HEIGHT + 14}>
          0
        </text>
        <text x={WIDTH} y={HEIGHT + 14} text-anchor="end">
          {number(max)}
        </text>
        <text x={WIDTH / 2} y={HEIGHT + 14} text-anchor="middle">
          activation
        </text>
      </svg>
      <figcaption>
        {fired} active tokens in the contexts shown:{' '}
        {groups.map(({ label }, i) => (
          <span key={label} class="key">
            <span class={`swatch q${i}`} aria-hidden="true" /> {label}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

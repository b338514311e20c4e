import type { JSX } from 'preact';
import { Definitions } from './definitions.js';
import { DensityPlot } from './density-plot.js';
import type { PageProps } from './main.js';
import { ParetoPlot } from './pareto-plot.js';
import { setQuery } from './route.js';

export const METRICS: Readonly<Record<string, string>> = {
  fve: 'Variance explained',
  deltaCe: 'Loss added (ΔCE, nats/token)',
  lossRecoveredZero: 'Loss recovered (against zero ablation)',
  lossRecoveredMean: 'Loss recovered (against mean ablation)',
  kl: 'KL to the clean logits (nats)',
  cosine: 'Cosine of reconstruction',
  liveShare: 'Live latents (share)',
  denseShare: 'Dense latents (share)',
  darkR2Vector: 'Linear residual (R² of the error)',
  fvuNonlinear: 'Nonlinear part of the error (FVU)',
};

export function PlotsPage({ run, route }: PageProps): JSX.Element {
  const present = Object.keys(METRICS).filter((key) => run.saes.some(({ texts }) => Object.values(texts).some((metrics) => metrics[key] !== undefined)));
  const texts = [...new Set(run.saes.flatMap((sae) => Object.keys(sae.texts)))];
  const metric = present.find((key) => key === route.query.get('metric')) ?? present[0] ?? 'fve';
  const text = texts.find((key) => key === route.query.get('text')) ?? texts[0] ?? 'domain';
  return (
    <>
      <div class="tools">
        <h1>Plots</h1>
        <label>
          Metric
          <select value={metric} onChange={(event) => setQuery(route, { metric: event.currentTarget.value })}>
            {present.map((key) => (
              <option key={key} value={key}>
                {METRICS[key]}
              </option>
            ))}
          </select>
        </label>
        <label>
          Held-out text
          <select value={text} onChange={(event) => setQuery(route, { text: event.currentTarget.value })}>
            {texts.map((key) => (
              <option key={key}>{key}</option>
            ))}
          </select>
        </label>
        <Definitions terms={['l0', 'density']} />
      </div>
      <div class="plots">
        <section class="panel">
          <h2>{METRICS[metric]} against measured L0</h2>
          <ParetoPlot run={run} metric={metric} text={text} />
        </section>
        <section class="panel">
          <h2>Density of the latents with cards</h2>
          <DensityPlot run={run} />
        </section>
        {run.verdict !== '' && (
          <section class="panel wide">
            <h2>Verdict of the run</h2>
            <p>{run.verdict}</p>
          </section>
        )}
      </div>
    </>
  );
}

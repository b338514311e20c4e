import type { JSX } from 'preact';
import type { FeatureContext } from '@salmon-sae/dataflow';
import { Tokens } from './context-view.js';
import { Term } from './definitions.js';
import { measure } from './format.js';

/** The top list, then each quantile of the sample, strongest first. */
export function Contexts({ contexts, max }: { readonly contexts: readonly FeatureContext[]; readonly max: number }): JSX.Element {
  const top = contexts.filter(({ quantile }) => quantile < 0);
  const quantiles = [...new Set(contexts.map(({ quantile }) => quantile).filter((quantile) => quantile >= 0))].sort((a, b) => a - b);
  const last = (quantiles[quantiles.length - 1] ?? 0) + 1;
  return (
    <>
      {top.length > 0 && (
        <section class="panel">
          <h2>Strongest contexts</h2>
          {contexts.some(({ pool }) => pool === 'scorer') && (
            <p class="muted">
              <HeldOut /> held out: the explainer never saw it; scores and raters use such contexts only.
            </p>
          )}
          <div class="contexts strongest">
            <ContextList contexts={top} max={max} />
          </div>
        </section>
      )}
      {quantiles.length > 0 && (
        <section class="panel">
          <h2>
            Contexts by <Term of="quantile">quantile</Term> of activation
          </h2>
          {quantiles.map((quantile) => (
            <div key={quantile} class="contexts">
              <h3>
                {quantile + 1} of {last}
                {quantile === 0 && ', strongest'}
                {quantile === last - 1 && last > 1 && ', weakest'}
              </h3>
              <ContextList contexts={contexts.filter((each) => each.quantile === quantile)} max={max} />
            </div>
          ))}
        </section>
      )}
    </>
  );
}

function ContextList({ contexts, max }: { readonly contexts: readonly FeatureContext[]; readonly max: number }): JSX.Element {
  return (
    <ul>
      {contexts.map(({ peak, tokens, activations, doc, domain, pool }, i) => (
        <li key={i}>
          <span class="num peak" title="Largest activation in this context">
            {measure(peak)}
          </span>
          <Tokens tokens={tokens} values={activations} max={max} />
          <small class="doc">
            {pool === 'scorer' && <HeldOut />}
            <span title={`Document ${doc}, of the text ${domain}`}>{doc}</span>
          </small>
        </li>
      ))}
    </ul>
  );
}

function HeldOut(): JSX.Element {
  return (
    <span class="held-out" role="img" aria-label="held out" title="Held out: the explainer never saw it">
      ◇
    </span>
  );
}

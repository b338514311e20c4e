import { useEffect } from 'preact/hooks';
import type { JSX } from 'preact';
import type { CardData, ContextData, FeaturesData, RunData, SetData } from '../../src/wire.js';
import { Arm } from './arm.js';
import { Histogram } from './activation-histogram.js';
import { Tokens } from './context-view.js';
import { card, features, useLoaded } from './data.js';
import { labelOf, number, percent, shownToken } from './format.js';
import type { PageProps } from './main.js';
import { Neighbours } from './neighbours.js';
import { link } from './route.js';
import { ScoreTable } from './score-table.js';

export function FeaturePage({ run, route }: PageProps): JSX.Element {
  const [id = '', latentText = ''] = route.parts;
  const latent = Number(latentText);
  const set = run.sets.find((each) => each.id === id);
  const loaded = useLoaded(async () => {
    if (set === undefined) throw new Error(`The run has no SAE "${id}".`);
    const data = await features(set.id);
    const row = data.latent.indexOf(latent);
    if (row < 0) throw new Error(`Latent ${latentText} of this SAE did not fire on the text, so it has no card.`);
    return { data, row, card: await card(set.id, row) };
  }, `${id}/${latentText}`);
  const { value } = loaded;
  useEffect(() => {
    if (value === undefined || set === undefined) return undefined;
    const turn = (event: KeyboardEvent): void => {
      if (event.altKey || event.ctrlKey || event.metaKey || /^(INPUT|TEXTAREA|SELECT)$/.test((event.target as HTMLElement).tagName)) return;
      if (event.key === 'Escape') location.hash = link('features', [], { set: set.id });
      const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
      const next = value.data.latent[value.row + step];
      if (step !== 0 && next !== undefined) location.hash = link('feature', [set.id, next]);
    };
    addEventListener('keydown', turn);
    return () => removeEventListener('keydown', turn);
  }, [value, set]);
  if (loaded.error !== undefined) return <p role="alert" class="error">{loaded.error}</p>;
  if (value === undefined || set === undefined) return <p class="wait">Reading the feature…</p>;
  return <Feature run={run} set={set} data={value.data} row={value.row} shown={value.card} />;
}

interface FeatureProps {
  readonly run: RunData;
  readonly set: SetData;
  readonly data: FeaturesData;
  readonly row: number;
  readonly shown: CardData;
}

function Feature({ run, set, data, row, shown }: FeatureProps): JSX.Element {
  const words = data.words[row] ?? '';
  const title = labelOf(shown.explanation?.text ?? '', words, data.token[row]);
  const before = data.latent[row - 1];
  const after = data.latent[row + 1];
  return (
    <article class="feature">
      <div class="feature-head">
        <p class="crumbs">
          <Arm run={run} arm={set.arm} /> <a href={link('features', [], { set: set.id })}>{set.sae}</a> · latent {shown.latent}
          {shown.denseClass !== undefined && <small class="tag">{shown.denseClass}</small>}
        </p>
        <h1>{title === '' ? `Latent ${shown.latent}` : title}</h1>
        <dl class="facts">
          <Fact name="Density" value={percent(shown.density)} title="Share of tokens on which it is active" />
          <Fact name="Max activation" value={number(shown.maxActivation)} />
          <Fact name="Contexts" value={String(shown.contexts.length)} />
          <Fact name="Detection" value={data.score[row] === null ? 'not scored' : number(data.score[row], 2)} title="Balanced accuracy on held-out windows; 0.5 is chance" />
        </dl>
        <nav class="turn" aria-label="Neighbouring latents">
          {before !== undefined && <a href={link('feature', [set.id, before])}>← {before}</a>}
          {after !== undefined && <a href={link('feature', [set.id, after])}>{after} →</a>}
          {run.live && <a href={link('live', [], { set: set.id, latent: shown.latent })}>Steer with it</a>}
        </nav>
      </div>
      <div class="columns">
        <div class="main-column">
          <Contexts contexts={shown.contexts} max={shown.maxActivation} />
        </div>
        <div class="side-column">
          <section class="panel">
            <h2>Explanation</h2>
            {shown.explanation === undefined ? (
              <p class="muted">Not explained in this run. Words at its peaks: {labelOf('', words, data.token[row])}.</p>
            ) : (
              <>
                <p>{shown.explanation.text}</p>
                <p class="muted">by the {shown.explanation.method} explainer</p>
                <ScoreTable scores={shown.explanation.scores} />
              </>
            )}
          </section>
          <section class="panel">
            <h2>Activations</h2>
            <Histogram contexts={shown.contexts} max={shown.maxActivation} />
          </section>
          <section class="panel">
            <h2>Effect on the next token</h2>
            <div class="two">
              <Effects title="Promotes" items={shown.promoted} />
              <Effects title="Suppresses" items={shown.suppressed} />
            </div>
          </section>
          <section class="panel">
            <h2>Nearest in the other arms</h2>
            <Neighbours run={run} set={set} neighbours={shown.neighbours} />
          </section>
        </div>
      </div>
    </article>
  );
}

function Fact({ name, value, title }: { readonly name: string; readonly value: string; readonly title?: string }): JSX.Element {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Effects({ title, items }: { readonly title: string; readonly items: CardData['promoted'] }): JSX.Element {
  const most = items.reduce((a, { value }) => Math.max(a, Math.abs(value)), 0) || 1;
  return (
    <div>
      <h3>{title}</h3>
      {items.length === 0 && <p class="muted">Not computed in this run.</p>}
      <ol class="effects">
        {items.map(({ token, value }, i) => (
          <li key={i}>
            <span class={`bar ${value < 0 ? 'down' : 'up'}`} style={{ width: `${(100 * Math.abs(value)) / most}%` }} aria-hidden="true" />
            <code>{shownToken(token)}</code>
            <span class="num">{number(value, 2)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** The top list, then each quantile of the sample, strongest first. */
function Contexts({ contexts, max }: { readonly contexts: readonly ContextData[]; readonly max: number }): JSX.Element {
  const quantiles = [...new Set(contexts.map(({ quantile }) => quantile))].sort((a, b) => a - b);
  const last = quantiles[quantiles.length - 1] ?? 0;
  return (
    <>
      {quantiles.map((quantile) => {
        const own = contexts.filter((each) => each.quantile === quantile);
        const title = quantile < 0 ? 'Strongest contexts' : `Sampled contexts, quantile ${quantile + 1} of ${last + 1}${quantile === 0 ? ' (strongest)' : ''}`;
        return (
          <section key={quantile} class={`contexts${quantile < 0 ? ' panel' : ''}`}>
            <h2>{title}</h2>
            <ul>
              {own.map((context, i) => (
                <li key={i}>
                  <span class="num peak" title="Largest activation in this window">
                    {number(context.peak)}
                  </span>
                  <Tokens tokens={context.tokens} values={context.activations} max={max} />
                  <small class="doc" title={`domain ${context.domain}`}>
                    {context.doc}
                  </small>
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </>
  );
}


import { useEffect } from 'preact/hooks';
import type { ComponentChildren, JSX } from 'preact';
import type { FeatureCard } from '@salmon-sae/dataflow';
import type { FeaturesData, RunData, SetData } from '../../src/wire.js';
import { Arm, armIndex } from './arm.js';
import { Histogram } from './activation-histogram.js';
import { Contexts } from './contexts.js';
import { card, features, useLoaded } from './data.js';
import { Definitions, NOT_RECORDED, Term } from './definitions.js';
import type { TermKey } from './definitions.js';
import { capital, DomainShares } from './domain-shares.js';
import { isExplained, labelOf, measure, percent, score, shownToken } from './format.js';
import type { PageProps } from './main.js';
import { Neighbours } from './neighbours.js';
import { link } from './route.js';
import { ScoreTable } from './score-table.js';
import { WindowHistogram } from './window-histogram.js';

const TERMS = ['density', 'max', 'domain', 'dense', 'score', 'control', 'quantile', 'effect', 'near'] as const;

/** Titles of more characters than this are set smaller. */
const LONG = 90;

export function FeaturePage({ run, route }: PageProps): JSX.Element {
  const [id = '', latentText = ''] = route.parts;
  const latent = Number(latentText);
  const set = run.sets.find((each) => each.id === id);
  const loaded = useLoaded(async () => {
    if (set === undefined) throw new Error(`The run has no SAE "${id}".`);
    const data = await features(set.id);
    const row = data.latent.indexOf(latent);
    if (row < 0) throw new Error(`Latent ${latentText} of this SAE has no card: it did not fire on the text, or the SAE has no such latent.`);
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
  if (loaded.error !== undefined) {
    return (
      <>
        <h1>Feature</h1>
        <p role="alert" class="error">
          {loaded.error}
        </p>
        <p>
          <a href={link('features', [], { set: set?.id })}>Back to the features</a>
        </p>
      </>
    );
  }
  if (value === undefined || set === undefined) return <p class="wait">Reading the feature…</p>;
  return <Feature run={run} set={set} data={value.data} row={value.row} shown={value.card} />;
}

interface FeatureProps {
  readonly run: RunData;
  readonly set: SetData;
  readonly data: FeaturesData;
  readonly row: number;
  readonly shown: FeatureCard;
}

function Feature({ run, set, data, row, shown }: FeatureProps): JSX.Element {
  const words = data.words[row] ?? '';
  const explained = isExplained(shown.explanation?.text ?? '');
  const title = explained ? (shown.explanation?.text ?? '') : labelOf('', words, data.token[row]);
  const before = data.latent[row - 1];
  const after = data.latent[row + 1];
  return (
    <article>
      <div class="feature-head">
        <p class="crumbs">
          <Arm run={run} arm={set.arm} /> · <a href={link('features', [], { set: set.id })}>{set.sae}</a> · latent {shown.latent} · read on {set.text}
        </p>
        <h1 class={title.length > LONG ? 'long' : undefined}>{title === '' ? `Latent ${shown.latent}` : title}</h1>
        {!explained && title !== '' && <p class="muted">Words at the peaks of its contexts; not explained in this run.</p>}
        <dl class="facts">
          <Fact of="density">{percent(shown.density)} of tokens</Fact>
          <Fact of="max" name="Max activation">
            {measure(shown.maxActivation)}
          </Fact>
          <Fact of="score">{data.score[row] === null ? 'not scored' : score(data.score[row])}</Fact>
          <Fact of="dense">{shown.denseClass === undefined ? undefined : shown.denseClass === null ? 'not dense' : shown.denseClass.replaceAll('+', ', ')}</Fact>
        </dl>
        <nav class="turn" aria-label="This latent and its neighbours">
          {before !== undefined && <a href={link('feature', [set.id, before])}>← {before}</a>}
          {after !== undefined && <a href={link('feature', [set.id, after])}>{after} →</a>}
          {run.live && <a href={link('live', [], { set: set.id, latent: shown.latent })}>Steer with it</a>}
          <a href={link('map', [], { set: set.id, latent: shown.latent })}>Show on the map</a>
          <Definitions terms={TERMS} absent={[...(shown.domainShare === undefined ? (['domain'] as const) : []), ...(shown.denseClass === undefined ? (['dense'] as const) : [])]} />
        </nav>
      </div>
      <div class="columns">
        <div>
          <Contexts contexts={shown.contexts} max={shown.maxActivation} />
        </div>
        <div>
          {shown.explanation !== undefined && (
            <section class="panel">
              <h2>Explanation</h2>
              <p>
                {shown.explanation.text} <span class="muted">By the {shown.explanation.method} explainer.</span>
              </p>
              <ScoreTable scores={shown.explanation.scores} />
            </section>
          )}
          <section class={`panel arm-${armIndex(run, set.arm)}`}>
            <h2>Activations on all tokens</h2>
            {shown.histogram === undefined ? (
              <>
                <p class="muted">{capital(NOT_RECORDED)}; below, the contexts on this card only.</p>
                <WindowHistogram contexts={shown.contexts} max={shown.maxActivation} />
              </>
            ) : (
              <Histogram histogram={shown.histogram} density={shown.density} />
            )}
          </section>
          <section class="panel">
            <h2>
              <Term of="domain">Active tokens by text</Term>
            </h2>
            <DomainShares shares={shown.domainShare} />
          </section>
          <section class="panel">
            <h2>
              <Term of="effect" />
            </h2>
            <div class="two">
              <Effects title="Promotes" items={shown.promoted} />
              <Effects title="Suppresses" items={shown.suppressed} />
            </div>
          </section>
          <section class="panel">
            <h2>
              <Term of="near">Nearest in the other arms</Term>
            </h2>
            <Neighbours run={run} set={set} neighbours={shown.neighbours} />
          </section>
        </div>
      </div>
    </article>
  );
}

/** A number with its name; without children it says that the run did not record it. */
function Fact({ of, name, children }: { readonly of: TermKey; readonly name?: string; readonly children?: ComponentChildren }): JSX.Element {
  return (
    <div>
      <dt>
        <Term of={of}>{name}</Term>
      </dt>
      {children === undefined ? <dd class="absent">{NOT_RECORDED}</dd> : <dd>{children}</dd>}
    </div>
  );
}

function Effects({ title, items }: { readonly title: string; readonly items: FeatureCard['promoted'] }): JSX.Element {
  const most = items.reduce((a, { value }) => Math.max(a, Math.abs(value)), 0) || 1;
  return (
    <div>
      <h3>{title}</h3>
      {items.length === 0 && <p class="muted">Not computed in this run.</p>}
      <ol class="effects">
        {items.map(({ token, value }, i) => (
          <li key={i}>
            <span class="effect">
              <span class={`bar ${value < 0 ? 'down' : 'up'}`} style={{ width: `${(100 * Math.abs(value)) / most}%` }} aria-hidden="true" />
              <code>{shownToken(token)}</code>
            </span>
            <span class="num">{score(value)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

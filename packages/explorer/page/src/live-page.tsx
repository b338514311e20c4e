import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { EncodeData, FeaturesData, RunData } from '../../src/wire.js';
import { Arm, armLabel, setLabel } from './arm.js';
import { depthOf } from './context-view.js';
import { features, post, useLoaded } from './data.js';
import { Definitions } from './definitions.js';
import { measure, shownToken } from './format.js';
import { RowLabel } from './label.js';
import type { PageProps } from './main.js';
import { Meter } from './meter.js';
import { link } from './route.js';
import { SteerPanel } from './steer-panel.js';

export function LivePage({ run, route }: PageProps): JSX.Element {
  if (!run.live) {
    return (
      <section class="panel">
        <h1>Live</h1>
        <p>
          This page needs the language model, which only the local server can run: start it with <code>salmon explore RUN</code> on the machine that has the run. The static site, and a server started
          with <code>--no-live</code>, have everything else.
        </p>
      </section>
    );
  }
  return (
    <>
      <div class="tools">
        <h1>Live</h1>
        <span class="muted">
          {run.model} at {run.hook}
        </span>
        <Definitions terms={['steering', 'density', 'text']} />
      </div>
      <div class="live">
        <EncodePanel run={run} />
        <SteerPanel run={run} set={route.query.get('set') ?? undefined} latent={route.query.get('latent') ?? undefined} />
      </div>
    </>
  );
}

function EncodePanel({ run }: { readonly run: RunData }): JSX.Element {
  const [text, setText] = useState('The patient had a fever and pain in the chest.');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | undefined>(undefined);
  const [answer, setAnswer] = useState<EncodeData | undefined>(undefined);
  const [at, setAt] = useState(0);
  const labels = useLoaded(async () => new Map(await Promise.all(run.sets.map(async (set): Promise<[string, FeaturesData]> => [set.id, await features(set.id)]))), 'labels');
  const most = answer === undefined ? 1 : Math.max(Number.MIN_VALUE, ...answer.tokens.map((_, i) => peakAt(answer, i)));
  const ask = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      const got = await post<EncodeData>('live/encode', { text });
      setAnswer(got);
      setAt(strongest(got));
    } catch (problem) {
      setError((problem as Error).message);
    }
    setBusy(false);
  };
  return (
    <section class="panel">
      <h2>Which latents fire</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void ask();
        }}
      >
        <label>
          Text
          <textarea rows={3} maxLength={4000} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <button type="submit" disabled={busy || text.trim() === ''}>
          {busy ? 'Reading…' : 'Read'}
        </button>
      </form>
      {error !== undefined && <p role="alert" class="error">{error}</p>}
      {answer !== undefined && (
        <>
          <p class="muted">Choose a token; the deeper its colour, the stronger the strongest latent on it.</p>
          <div class="token-row" role="group" aria-label="Tokens; choose one">
            {answer.tokens.map((token, i) => (
              <button key={i} type="button" class={`token h${depthOf(peakAt(answer, i), most)}${i === at ? ' chosen' : ''}`} aria-pressed={i === at} onClick={() => setAt(i)}>
                {shownToken(token)}
              </button>
            ))}
          </div>
          <div class="arms">
            {answer.sets.map(({ set: id, fired }) => {
              const set = run.sets.find((each) => each.id === id);
              const data = labels.value?.get(id);
              const list = fired[at] ?? [];
              return (
                <div key={id}>
                  <h3>
                    {set !== undefined && <Arm run={run} arm={set.arm} />} {set !== undefined && setLabel(run, id) !== armLabel(run, set.arm) && <small class="muted">{set.sae}</small>}
                  </h3>
                  {list.length === 0 && <p class="muted">Nothing fires here.</p>}
                  <ol class="matches fired">
                    {list.map(({ latent, value }) => {
                      const row = data?.latent.indexOf(latent) ?? -1;
                      return (
                        <li key={latent}>
                          <span class="num">
                            {measure(value)}
                            <Meter share={value / most} />
                          </span>
                          {row < 0 ? (
                            <span>{latent} (no card)</span>
                          ) : (
                            <a href={link('feature', [id, latent])}>
                              <b class="num">{latent}</b> {data !== undefined && <RowLabel data={data} row={row} />}
                            </a>
                          )}
                        </li>
                      );
                    })}
                  </ol>
                </div>
              );
            })}
          </div>
        </>
      )}
    </section>
  );
}

/** The largest activation of any latent on a token. */
function peakAt(answer: EncodeData, token: number): number {
  return answer.sets.reduce((most, { fired }) => Math.max(most, fired[token]?.[0]?.value ?? 0), 0);
}

/** The token with the largest activation: a good one to start with. */
function strongest(answer: EncodeData): number {
  const peaks = answer.tokens.map((_, i) => peakAt(answer, i));
  return peaks.indexOf(Math.max(...peaks));
}

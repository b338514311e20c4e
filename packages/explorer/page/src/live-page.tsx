import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { EncodeData, FeaturesData, RunData } from '../../src/wire.js';
import { Arm, setLabel } from './arm.js';
import { features, post, useLoaded } from './data.js';
import { labelOf, number, shownToken } from './format.js';
import type { PageProps } from './main.js';
import { link } from './route.js';
import { SteerPanel } from './steer-panel.js';

export function LivePage({ run, route }: PageProps): JSX.Element {
  if (!run.live) {
    return (
      <section class="panel">
        <h1>Live</h1>
        <p>
          This page needs the language model: start the explorer on your machine with the model loaded. The static site and a server
          without a model have everything else.
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
          <div class="token-row" role="group" aria-label="Tokens; choose one">
            {answer.tokens.map((token, i) => (
              <button key={i} type="button" class={`token${i === at ? ' chosen' : ''}`} aria-pressed={i === at} onClick={() => setAt(i)}>
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
                  <h3>{set === undefined ? id : setLabel(run, id) === id ? id : <Arm run={run} arm={set.arm} />}</h3>
                  {list.length === 0 && <p class="muted">Nothing fires here.</p>}
                  <ol class="matches">
                    {list.map(({ latent, value }) => {
                      const row = data?.latent.indexOf(latent) ?? -1;
                      return (
                        <li key={latent}>
                          <span class="num strong">{number(value)}</span>{' '}
                          {row < 0 ? (
                            <span>{latent} (no card)</span>
                          ) : (
                            <a href={link('feature', [id, latent])}>
                              <b class="num">{latent}</b> {labelOf(data?.explanation[row] ?? '', data?.words[row] ?? '', data?.token[row])}
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

/** The token with the largest activation of any latent: a good one to start with. */
function strongest(answer: EncodeData): number {
  let best = 0;
  let most = -1;
  for (const { fired } of answer.sets) {
    fired.forEach((list, i) => {
      const value = list[0]?.value ?? 0;
      if (value > most) [best, most] = [i, value];
    });
  }
  return best;
}

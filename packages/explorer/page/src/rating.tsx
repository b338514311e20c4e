import { render } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { RatingStateData } from '../../src/wire.js';
import { Tokens } from './context-view.js';
import { post } from './data.js';
import { applyTheme, ThemeButton } from './theme.js';

const VERDICTS = [
  { key: 'c', value: 'clinical', label: 'Clinical' },
  { key: 'g', value: 'generic', label: 'Generic' },
  { key: 'u', value: 'uninterpretable', label: 'Uninterpretable' },
] as const;

function App(): JSX.Element {
  const [rater, setRater] = useState('');
  const [state, setState] = useState<RatingStateData | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const send = async (path: string, body: object): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      setState(await post<RatingStateData>(path, body));
      scrollTo(0, 0);
    } catch (problem) {
      setError((problem as Error).message);
    }
    setBusy(false);
  };
  return (
    <>
      <header class="top">
        <span class="brand">salmon</span>
        <span>Rating</span>
        <span class="run">{state !== undefined && rater}</span>
        <ThemeButton />
      </header>
      <main id="main" class="rating">
        {error !== undefined && <p role="alert" class="error">{error}</p>}
        {state === undefined ? (
          <section class="panel">
            <h1>Do the labels fit?</h1>
            <p>
              You see a label and ten passages in which one unit of a network was active; the deeper the mark, the more active. The label was
              written without these passages. Say in how many of them it fits what is marked, and what kind of thing the unit stands for.
            </p>
            <form
              onSubmit={(event) => {
                event.preventDefault();
                void send('rating/state', { rater: rater.trim() });
              }}
            >
              <label>
                Your name <input value={rater} maxLength={80} required autocomplete="off" onInput={(event) => setRater(event.currentTarget.value)} />
              </label>{' '}
              <button type="submit" disabled={busy || rater.trim() === ''}>
                Begin
              </button>
            </form>
          </section>
        ) : (
          <>
            <p role="status">
              {state.done} of {state.total} rated
            </p>
            <progress value={state.done} max={state.total} aria-label="Progress" />
            {state.item === null ? (
              <section class="panel">
                <h1>All rated. Thank you!</h1>
                {state.canUndo && (
                  <button type="button" onClick={() => void send('rating/undo', { rater: rater.trim() })}>
                    Take back the last answer
                  </button>
                )}
              </section>
            ) : (
              <Item
                key={state.item.id}
                item={state.item}
                canUndo={state.canUndo}
                busy={busy}
                answer={(fits, verdict) => void send('rating/answer', { rater: rater.trim(), item: state.item?.id, fits, verdict })}
                undo={() => void send('rating/undo', { rater: rater.trim() })}
              />
            )}
          </>
        )}
      </main>
    </>
  );
}

interface ItemProps {
  readonly item: NonNullable<RatingStateData['item']>;
  readonly canUndo: boolean;
  readonly busy: boolean;
  readonly answer: (fits: number, verdict: string) => void;
  readonly undo: () => void;
}

function Item({ item, canUndo, busy, answer, undo }: ItemProps): JSX.Element {
  const [fits, setFits] = useState<number | undefined>(undefined);
  const [verdict, setVerdict] = useState<string | undefined>(undefined);
  const most = item.contexts.length;
  const done = fits !== undefined && verdict !== undefined && !busy;
  // In place before the next key can arrive, so that a fast rater loses none.
  useLayoutEffect(() => {
    const keys = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const pressed = event.key.toLowerCase();
      const kind = VERDICTS.find(({ key }) => key === pressed);
      if (/^[0-9]$/.test(pressed) && Number(pressed) <= most) setFits(Number(pressed));
      else if (pressed === 't' && most >= 10) setFits(10);
      else if (kind !== undefined) setVerdict(kind.value);
      else if (pressed === 'backspace' && canUndo) undo();
      else if (pressed === 'enter' && done && !(event.target instanceof HTMLButtonElement)) answer(fits, verdict);
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', keys);
    return () => removeEventListener('keydown', keys);
  });
  return (
    <section class="panel">
      <h1 class="label-box">{item.label}</h1>
      <ol>
        {item.contexts.map(({ tokens, strengths }, i) => (
          <li key={i}>
            <Tokens tokens={tokens} values={strengths} max={1} />
          </li>
        ))}
      </ol>
      <hr />
      <fieldset class="choices">
        <legend>In how many of the {most} does the label fit what is marked?</legend>
        {Array.from({ length: most + 1 }, (_, n) => (
          <button key={n} type="button" aria-pressed={fits === n} onClick={() => setFits(n)}>
            {n}
            {n === 10 && <kbd>t</kbd>}
          </button>
        ))}
      </fieldset>
      <fieldset class="choices">
        <legend>What does the unit stand for?</legend>
        {VERDICTS.map(({ key, value, label }) => (
          <button key={value} type="button" aria-pressed={verdict === value} onClick={() => setVerdict(value)}>
            {label}
            <kbd>{key}</kbd>
          </button>
        ))}
      </fieldset>
      <div class="buttons">
        <button type="submit" disabled={!done} onClick={() => done && answer(fits, verdict)}>
          Next<kbd>Enter</kbd>
        </button>
        <button type="button" disabled={!canUndo || busy} onClick={undo}>
          Take back the last<kbd>Backspace</kbd>
        </button>
        <span class="muted">Keys 0 to 9, t for ten.</span>
      </div>
    </section>
  );
}

applyTheme();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);

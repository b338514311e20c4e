import { render } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { RatingStateData } from '../../src/wire.js';
import { Tokens } from './context-view.js';
import { post } from './data.js';
import { applyTheme, ThemeButton } from './theme.js';

const VERDICTS = [
  { key: 'c', value: 'clinical', label: 'Clinical', says: 'one idea, of medicine or the body' },
  { key: 'g', value: 'generic', label: 'Generic', says: 'one idea, of language or the world at large' },
  { key: 'u', value: 'uninterpretable', label: 'Uninterpretable', says: 'no one idea that you can name' },
] as const;

function App(): JSX.Element {
  const [rater, setRater] = useState('');
  const [state, setState] = useState<RatingStateData | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const nameBox = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => nameBox.current?.focus(), []);
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
              Each page shows a label and some passages. One unit of a language model was active in every passage: on the marked words, and the deeper the mark, the more. The label was written without these
              passages. Answer two questions:
            </p>
            <dl>
              <dt>How many fit?</dt>
              <dd>In how many of the passages does the label describe what is marked? A passage fits if you would have expected a mark there from the label alone.</dd>
              <dt>What kind?</dt>
              <dd>Is what is marked clinical, generic, or nothing that you can name? Judge by the marks, not by the label: passages about medicine do not by themselves make a unit clinical.</dd>
            </dl>
            <p>There is no right answer and no clock. You can take answers back, and close the page and go on later under the same name.</p>
            <form
              class="begin"
              onSubmit={(event) => {
                event.preventDefault();
                void send('rating/state', { rater: rater.trim() });
              }}
            >
              <label>
                Your name <input ref={nameBox} value={rater} maxLength={80} required autocomplete="off" onInput={(event) => setRater(event.currentTarget.value)} />
              </label>
              <button type="submit" disabled={busy || rater.trim() === ''}>
                Begin<kbd>Enter</kbd>
              </button>
            </form>
          </section>
        ) : (
          <>
            <div class="progress">
              <p role="status" class="muted">
                {state.done} of {state.total} rated
              </p>
              <progress value={state.done} max={state.total} aria-label="Progress" />
            </div>
            {state.item === null ? (
              <section class="panel">
                <h1>All rated. Thank you!</h1>
                <p>Your answers are stored. You can close this page.</p>
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
  const heading = useRef<HTMLHeadingElement>(null);
  // A new label is read out, and Tab begins at its passages.
  useLayoutEffect(() => heading.current?.focus({ preventScroll: true }), []);
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
      <p class="label-title">Label</p>
      <h1 class="label-box" ref={heading} tabIndex={-1}>
        {item.label}
      </h1>
      <ol>
        {item.contexts.map(({ tokens, strengths }, i) => (
          <li key={i}>
            <Tokens tokens={tokens} values={strengths} max={1} />
          </li>
        ))}
      </ol>
      <div class="questions">
        <fieldset class="choices">
          <legend>In how many of the {most} passages does the label describe what is marked?</legend>
          {Array.from({ length: most + 1 }, (_, n) => (
            <button key={n} type="button" aria-pressed={fits === n} onClick={() => setFits(n)}>
              {n}
              {n === 10 && <kbd>t</kbd>}
            </button>
          ))}
        </fieldset>
        <fieldset class="choices">
          <legend>What is marked is …</legend>
          {VERDICTS.map(({ key, value, label, says }) => (
            <button key={value} type="button" class="kind" aria-pressed={verdict === value} onClick={() => setVerdict(value)}>
              <b>{label}</b>
              <kbd>{key}</kbd>
              <small>{says}</small>
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
          <span class="muted">
            {fits === undefined ? 'Keys 0 to 9, t for ten.' : verdict === undefined ? 'Keys c, g or u.' : 'Enter goes on.'}
          </span>
        </div>
      </div>
    </section>
  );
}

applyTheme();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);

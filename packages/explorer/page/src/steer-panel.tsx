import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { RunData, SteerData } from '../../src/wire.js';
import { setLabel } from './arm.js';
import { features, post, useLoaded } from './data.js';
import { Term } from './definitions.js';
import { number } from './format.js';
import { RowLabel } from './label.js';

interface SteerProps {
  readonly run: RunData;
  readonly set: string | undefined;
  readonly latent: string | undefined;
}

/** Adds a latent's decoder row at every position and shows what the model then says. */
export function SteerPanel({ run, set: firstSet, latent: firstLatent }: SteerProps): JSX.Element {
  const [set, setSet] = useState(run.sets.find(({ id }) => id === firstSet)?.id ?? run.sets[0]?.id ?? '');
  const known = useLoaded(() => features(set), set);
  const [latent, setLatent] = useState(firstLatent ?? '');
  const [strength, setStrength] = useState(1);
  const [prompt, setPrompt] = useState('Question: What is');
  const [temperature, setTemperature] = useState(0);
  const [seed, setSeed] = useState(1);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | undefined>(undefined);
  const [answer, setAnswer] = useState<SteerData | undefined>(undefined);
  const chosen = latent === '' ? (known.value?.latent[0] ?? 0) : Number(latent);
  const row = known.value?.latent.indexOf(chosen) ?? -1;
  const ask = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      setAnswer(await post<SteerData>('live/steer', { set, latent: chosen, strength, prompt, tokens: 30, temperature, seed }));
    } catch (problem) {
      setError((problem as Error).message);
    }
    setBusy(false);
  };
  return (
    <section class="panel">
      <h2>
        <Term of="steering">Steer</Term> with a latent
      </h2>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          void ask();
        }}
      >
        <label>
          SAE
          <select value={set} onChange={(event) => setSet(event.currentTarget.value)}>
            {run.sets.map(({ id }) => (
              <option key={id} value={id}>
                {setLabel(run, id)}
              </option>
            ))}
          </select>
        </label>
        <label>
          Latent
          <input type="number" min={0} value={chosen} onInput={(event) => setLatent(event.currentTarget.value)} />
        </label>
        <p class="wide muted">
          {known.value !== undefined && row < 0 && 'This latent did not fire on the text: choose another.'}
          {known.value !== undefined && row >= 0 && (
            <>
              Fires on: <RowLabel data={known.value} row={row} />
            </>
          )}
        </p>
        <label class="wide">
          Strength: {number(strength)} × its largest activation
          <input type="range" min={-10} max={10} step={0.5} value={strength} onInput={(event) => setStrength(Number(event.currentTarget.value))} />
        </label>
        <label class="wide">
          Prompt
          <textarea rows={2} maxLength={2000} value={prompt} onInput={(event) => setPrompt(event.currentTarget.value)} />
        </label>
        <label>
          Temperature
          <input type="number" min={0} max={2} step={0.1} value={temperature} onInput={(event) => setTemperature(Number(event.currentTarget.value))} />
        </label>
        <label>
          Seed
          <input type="number" step={1} value={seed} onInput={(event) => setSeed(Number(event.currentTarget.value))} />
        </label>
        <button type="submit" disabled={busy || prompt.trim() === '' || row < 0}>
          {busy ? 'Writing…' : 'Continue'}
        </button>
      </form>
      {error !== undefined && <p role="alert" class="error">{error}</p>}
      {answer !== undefined && (
        <div class="two continuations" aria-live="polite">
          <div>
            <h3>As it is</h3>
            <p class="said">
              <span class="muted">{answer.prompt}</span>
              {answer.plain}
            </p>
          </div>
          <div>
            <h3>Steered</h3>
            <p class="said">
              <span class="muted">{answer.prompt}</span>
              {answer.steered}
            </p>
          </div>
          <p class="muted wide">Added {number(answer.added)} times the decoder row at {run.hook}, at every position.</p>
        </div>
      )}
    </section>
  );
}

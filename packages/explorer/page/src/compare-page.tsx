import { useMemo } from 'preact/hooks';
import type { JSX } from 'preact';
import type { FeaturesData, RunData, SetData } from '../../src/wire.js';
import { Arm, armLabel, setLabel } from './arm.js';
import { conceptMatches, SHARED, suggestions, termsOf } from './concept.js';
import type { ConceptMatch } from './concept.js';
import { features, useLoaded } from './data.js';
import { Definitions } from './definitions.js';
import { percent, plural, score, wordsOf } from './format.js';
import { RowLabel } from './label.js';
import type { PageProps } from './main.js';
import { link, setQuery } from './route.js';

const SHOWN = 14;
const SUGGESTED = 8;

interface SetMatches {
  readonly set: SetData;
  readonly data: FeaturesData;
  readonly matches: readonly ConceptMatch[];
}

export function ComparePage({ run, route }: PageProps): JSX.Element {
  const texts = [...new Set(run.sets.map(({ text }) => text))];
  const text = route.query.get('text') ?? texts[0] ?? '';
  const sets = run.sets.filter((set) => set.text === text);
  const concept = route.query.get('q') ?? '';
  const loaded = useLoaded(() => Promise.all(sets.map(async (set) => ({ set, data: await features(set.id) }))), text);
  const found = useMemo(() => loaded.value?.map((each): SetMatches => ({ ...each, matches: conceptMatches(each.data, concept) })), [loaded.value, concept]);
  const own = sets.find(({ id }) => id === route.query.get('own')) ?? sets.find(({ arm }) => arm === 'domain') ?? sets[0];
  const other = sets.find(({ id }) => id === route.query.get('other')) ?? sets.find((set) => set.arm === 'broad' && set !== own) ?? sets.find((set) => set !== own);
  return (
    <>
      <div class="tools">
        <h1>Compare the arms on a concept</h1>
        <input
          type="search"
          aria-label="Concept"
          placeholder="A concept, e.g. taste   ( / )"
          value={concept}
          onInput={(event) => setQuery(route, { q: event.currentTarget.value })}
          onKeyDown={(event) => event.key === 'Escape' && setQuery(route, { q: undefined })}
        />
        {texts.length > 1 && (
          <label>
            Text
            <select value={text} onChange={(event) => setQuery(route, { text: event.currentTarget.value, own: undefined, other: undefined })}>
              {texts.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        {sets.length > 1 && (
          <>
            <label>
              Has
              <select value={own?.id} onChange={(event) => setQuery(route, { own: event.currentTarget.value })}>
                {sets.map(({ id }) => (
                  <option key={id} value={id}>
                    {setLabel(run, id)}
                  </option>
                ))}
              </select>
            </label>
            <label>
              lacks
              <select value={other?.id} onChange={(event) => setQuery(route, { other: event.currentTarget.value })}>
                {sets
                  .filter((set) => set !== own)
                  .map(({ id }) => (
                    <option key={id} value={id}>
                      {setLabel(run, id)}
                    </option>
                  ))}
              </select>
            </label>
          </>
        )}
        <Definitions terms={['concept', 'near', 'density', 'text']} />
      </div>
      {loaded.error !== undefined && <p role="alert" class="error">{loaded.error}</p>}
      {found === undefined && loaded.error === undefined && <p class="wait">Reading the features…</p>}
      {found !== undefined && own !== undefined && other !== undefined && <Lacks run={run} found={found} own={own} other={other} concept={concept} ask={(q) => setQuery(route, { q })} />}
      {found !== undefined && concept.trim().length > 1 && (
        <div class="arms">
          {found.map((each) => (
            <section key={each.set.id} class="panel">
              <h2>
                <Arm run={run} arm={each.set.arm} /> <small class="muted">{plural(each.matches.length, 'latent')}</small>
              </h2>
              {each.matches.length === 0 && <p class="muted">None of its latents fires on this.</p>}
              {each.matches.length > SHOWN && <p class="muted">The {SHOWN} most of them on the concept:</p>}
              <MatchList found={each} matches={each.matches.slice(0, SHOWN)} near={each.set === own ? other?.sae : own?.sae} concept={concept} />
            </section>
          ))}
        </div>
      )}
    </>
  );
}

interface LacksProps {
  readonly run: RunData;
  readonly found: readonly SetMatches[];
  readonly own: SetData;
  readonly other: SetData;
  readonly concept: string;
  readonly ask: (concept: string) => void;
}

/** Latents of one arm on the concept (or of any kind) whose nearest decoder row in the other arm is below the threshold. */
function Lacks({ run, found, own, other, concept, ask }: LacksProps): JSX.Element {
  const mine = found.find(({ set }) => set === own);
  const asked = concept.trim().length > 1;
  if (mine === undefined) return <></>;
  const near = mine.data.near[other.sae];
  const all = asked ? mine.matches : mine.data.latent.map((_, row) => ({ row, strength: mine.data.score[row] ?? 0, share: 0 }));
  const alone = all.filter(({ row }) => (near?.cosine[row] ?? -1) < SHARED).sort((a, b) => b.strength - a.strength || (near?.cosine[a.row] ?? 0) - (near?.cosine[b.row] ?? 0));
  const ideas = asked ? [] : suggestions(mine.data, [...alone].sort((a, b) => (mine.data.density[b.row] ?? 0) - (mine.data.density[a.row] ?? 0)).map(({ row }) => row), SUGGESTED);
  const theirs = found.find(({ set }) => set === other)?.matches.length ?? 0;
  const ownLabel = armLabel(run, own.arm);
  const otherLabel = armLabel(run, other.arm);
  return (
    <section class="panel lacks">
      <h2>
        What <Arm run={run} arm={own.arm} /> has that <Arm run={run} arm={other.arm} /> lacks{asked ? ` on “${concept.trim()}”` : ''}
      </h2>
      <p>
        {near === undefined
          ? `The run holds no neighbours between ${ownLabel} and ${otherLabel}.`
          : asked
            ? `${ownLabel} has ${plural(all.length, 'latent')} on this, ${otherLabel} ${theirs}. ${alone.length} of ${ownLabel}’s ${alone.length === 1 ? 'has' : 'have'} no counterpart in ${otherLabel} (decoder cosine below ${SHARED}).`
            : `${alone.length.toLocaleString('en')} of ${plural(all.length, 'live latent')} of ${ownLabel} have no counterpart in ${otherLabel} (decoder cosine below ${SHARED}). The best explained stand first; type a concept to ask about it.`}
      </p>
      {!asked && ideas.length > 0 && (
        <p class="chips">
          <span class="muted">For example</span>
          {ideas.map((word) => (
            <button key={word} type="button" class="chip" onClick={() => ask(word)}>
              {word}
            </button>
          ))}
        </p>
      )}
      {near !== undefined && <MatchList found={mine} matches={alone.slice(0, SHOWN)} near={other.sae} concept={concept} />}
    </section>
  );
}

function MatchList({ found, matches, near, concept }: { readonly found: SetMatches; readonly matches: readonly ConceptMatch[]; readonly near: string | undefined; readonly concept: string }): JSX.Element {
  const { set, data } = found;
  const terms = termsOf(concept);
  const asked = (word: string): boolean => terms.some((term) => word.startsWith(term));
  return (
    <ul class="matches">
      {matches.map(({ row, share }) => {
        const cosine = near === undefined ? undefined : data.near[near]?.cosine[row];
        const words = data.words[row] ?? '';
        return (
          <li key={row}>
            <a href={link('feature', [set.id, data.latent[row] ?? 0])}>
              <b class="num">{data.latent[row]}</b> <RowLabel data={data} row={row} />
            </a>
            <small class="muted">
              {[...wordsOf(words)]
                .sort((a, b) => Number(asked(b.word)) - Number(asked(a.word)))
                .slice(0, 5)
                .map(({ word, count }, i) => (
                  <span key={word}>
                    {i > 0 && ', '}
                    {asked(word) ? <b>{word}</b> : word} {count}×
                  </span>
                ))}
            </small>
            <small class="muted">
              {share > 0 && `${percent(share)} of its contexts · `}density {percent(data.density[row] ?? 0)}
              {cosine !== undefined && cosine !== null && (
                <>
                  {' '}
                  · <span class={cosine < SHARED ? 'alone' : ''}>nearest {score(cosine)}</span>
                </>
              )}
            </small>
          </li>
        );
      })}
    </ul>
  );
}

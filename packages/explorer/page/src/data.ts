import { useEffect, useState } from 'preact/hooks';
import type { FeatureCard } from '@salmon-sae/dataflow';
import type { CardsData, FeaturesData, MapData, RunData } from '../../src/wire.js';
import { CARDS_PER_CHUNK } from '../../src/wire.js';

const held = new Map<string, Promise<unknown>>();

/** GET of a relative JSON file, each only once. */
function get<T>(path: string): Promise<T> {
  let answer = held.get(path) as Promise<T> | undefined;
  if (answer === undefined) {
    answer = asked(path).then(readAnswer<T>);
    held.set(path, answer);
    answer.catch(() => held.delete(path));
  }
  return answer;
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  const answer = await asked(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  return readAnswer<T>(answer);
}

async function asked(path: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (cause) {
    throw new Error('The server does not answer. Is it still running?', { cause });
  }
}

async function readAnswer<T>(answer: Response): Promise<T> {
  if (answer.ok) return (await answer.json()) as T;
  const said = await answer
    .json()
    .then((body: unknown) => (body as { error?: string }).error)
    .catch(() => undefined);
  throw new Error(said ?? `The server answered ${answer.status}.`);
}

export const runData = (): Promise<RunData> => get('data/run.json');
export const features = (set: string): Promise<FeaturesData> => get(`data/${set}/features.json`);
export const mapData = (set: string): Promise<MapData> => get(`data/${set}/map.json`);

export async function card(set: string, row: number): Promise<FeatureCard> {
  const { cards } = await get<CardsData>(`data/${set}/cards/${Math.floor(row / CARDS_PER_CHUNK)}.json`);
  const found = cards[row % CARDS_PER_CHUNK];
  if (found === undefined) throw new Error('The card is missing from its file.');
  return found;
}

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: string | undefined;
}

/** The value of a promise that is made anew when `key` changes. */
export function useLoaded<T>(make: () => Promise<T>, key: string): Loaded<T> {
  const [state, setState] = useState<Loaded<T> & { readonly key: string }>({ value: undefined, error: undefined, key });
  useEffect(() => {
    let current = true;
    make().then(
      (value) => current && setState({ value, error: undefined, key }),
      (error: unknown) => current && setState({ value: undefined, error: error instanceof Error ? error.message : String(error), key }),
    );
    return () => {
      current = false;
    };
  }, [key]);
  return state.key === key ? state : { value: undefined, error: undefined };
}

import type { FeaturesData, RunData, SetData } from '../../src/wire.js';
import { armLabel } from './arm.js';
import { features } from './data.js';
import { labelOf } from './format.js';

/** One line of the feature table. */
export interface Row {
  readonly set: SetData;
  /** Place in the set's card file. */
  readonly row: number;
  readonly latent: number;
  readonly armLabel: string;
  readonly density: number;
  readonly max: number;
  readonly score: number | null;
  readonly token: string;
  readonly label: string;
  readonly words: string;
  readonly dense: string;
  /** Largest decoder cosine to a latent of another arm. */
  readonly near: number | null;
  readonly share: number;
  /** Lower-case text that the search looks in. */
  readonly text: string;
}

export function nearestOf(data: FeaturesData, row: number): number | null {
  let best: number | null = null;
  for (const { cosine } of Object.values(data.near)) {
    const value = cosine[row] ?? null;
    if (value !== null && (best === null || value > best)) best = value;
  }
  return best;
}

export function rowsOf(run: RunData, set: SetData, data: FeaturesData): readonly Row[] {
  const label = armLabel(run, set.arm);
  return data.latent.map((latent, row): Row => {
    const words = data.words[row] ?? '';
    const explanation = data.explanation[row] ?? '';
    const token = data.token[row] ?? '';
    return {
      set,
      row,
      latent,
      armLabel: label,
      density: data.density[row] ?? 0,
      max: data.max[row] ?? 0,
      score: data.score[row] ?? null,
      token,
      label: labelOf(explanation, words, token),
      words,
      dense: data.dense[row] ?? '',
      near: nearestOf(data, row),
      share: data.share[row] ?? 0,
      text: `#${latent} ${explanation} ${words.replaceAll(/:\d+/g, '')} ${token}`.toLowerCase(),
    };
  });
}

export async function allRows(run: RunData): Promise<readonly Row[]> {
  const lists = await Promise.all(run.sets.map(async (set) => rowsOf(run, set, await features(set.id))));
  return lists.flat();
}

export type SortKey = 'latent' | 'arm' | 'text' | 'density' | 'max' | 'score' | 'near' | 'token';

const KEYS: Readonly<Record<SortKey, (row: Row) => string | number | null>> = {
  latent: (row) => row.latent,
  arm: (row) => row.armLabel,
  text: (row) => row.label.toLowerCase(),
  token: (row) => row.token.trim().toLowerCase(),
  density: (row) => row.density,
  max: (row) => row.max,
  score: (row) => row.score,
  near: (row) => row.near,
};

export function isSortKey(key: string): key is SortKey {
  return key in KEYS;
}

export interface Filter {
  readonly query: string;
  readonly set: string;
  readonly sort: SortKey;
  readonly down: boolean;
  readonly densityFrom: number;
  readonly densityTo: number;
}

/** Rows that hold every word of the query, in order; latents without a value stand last either way. */
export function select(rows: readonly Row[], filter: Filter): readonly Row[] {
  const words = filter.query.toLowerCase().split(/\s+/).filter(Boolean);
  const kept = rows.filter(
    (row) =>
      (filter.set === '' || row.set.id === filter.set) &&
      row.density >= filter.densityFrom &&
      row.density < filter.densityTo &&
      words.every((word) => row.text.includes(word)),
  );
  const key = KEYS[filter.sort];
  const sign = filter.down ? -1 : 1;
  return kept.sort((a, b) => {
    const x = key(a);
    const y = key(b);
    if (x === y) return a.latent - b.latent;
    if (x === null || x === '') return 1;
    if (y === null || y === '') return -1;
    return x < y ? -sign : sign;
  });
}

import type { FeaturesData, RunData, SetData } from '../../src/wire.js';
import { armLabel } from './arm.js';
import { features } from './data.js';
import { isExplained, labelOf } from './format.js';

/** One line of the feature table. */
export interface Row {
  readonly set: SetData;
  readonly data: FeaturesData;
  /** Place in the set's card file. */
  readonly row: number;
  readonly latent: number;
  readonly density: number;
  readonly max: number;
  /** NaN where there is none, here and below. */
  readonly score: number;
  /** Largest decoder cosine to a latent of another arm. */
  readonly near: number;
  /** Share of its active tokens in the text the set is named after. */
  readonly domain: number;
  readonly explanation: string;
  readonly label: string;
  readonly token: string;
  /** Class of a dense latent, "" if it is not dense, null if the run did not look. */
  readonly dense: string | null;
}

export type SortKey = 'latent' | 'arm' | 'text' | 'token' | 'density' | 'domain' | 'max' | 'score' | 'near';
type NumberKey = 'density' | 'domain' | 'max' | 'score' | 'near';
const NUMBERS: readonly NumberKey[] = ['density', 'domain', 'max', 'score', 'near'];

export interface Filter {
  readonly query: string;
  /** Id of a set; "" for all. */
  readonly set: string;
  readonly sort: SortKey;
  readonly down: boolean;
  readonly densityFrom: number;
  readonly densityTo: number;
  /** A class, `dense` for any, `sparse` for latents that are not dense, "" for all. */
  readonly dense: string;
  readonly explained: boolean;
}

export function nearestOf(data: FeaturesData, row: number): number {
  let best = NaN;
  for (const { cosine } of Object.values(data.near)) {
    const value = cosine[row];
    if (value !== null && value !== undefined && !(value <= best)) best = value;
  }
  return best;
}

/**
 * The latents of several sets in columns. Orders and the text that the search looks in are made once and kept, so that a key press
 * costs one pass over an order; row objects exist only for the rows in view.
 */
export class FeatureTable {
  readonly size: number;
  /** Dense classes that occur; undefined where no set of the run looked. */
  readonly denseClasses: readonly string[] | undefined;
  /** Whether domain shares differ: with a single text read, or none recorded, they say nothing. */
  readonly hasDomain: boolean;
  readonly domainRecorded: boolean;
  private readonly setOf: Uint16Array;
  private readonly rowOf: Uint32Array;
  private readonly latent: Float64Array;
  private readonly numbers: Readonly<Record<NumberKey, Float64Array>>;
  private readonly orders = new Map<string, Uint32Array>();
  private haystack: readonly string[] | undefined;

  constructor(
    private readonly sets: readonly SetData[],
    private readonly columns: readonly FeaturesData[],
    private readonly armOf: (set: SetData) => string,
  ) {
    this.size = columns.reduce((sum, { latent }) => sum + latent.length, 0);
    this.setOf = new Uint16Array(this.size);
    this.rowOf = new Uint32Array(this.size);
    this.latent = new Float64Array(this.size);
    const column = (): Float64Array => new Float64Array(this.size);
    this.numbers = { density: column(), domain: column(), max: column(), score: column(), near: column() };
    const classes = new Set<string>();
    let looked = false;
    let at = 0;
    columns.forEach((data, set) => {
      for (let row = 0; row < data.latent.length; row++, at++) {
        this.setOf[at] = set;
        this.rowOf[at] = row;
        this.latent[at] = data.latent[row] ?? 0;
        this.numbers.density[at] = data.density[row] ?? 0;
        this.numbers.max[at] = data.max[row] ?? 0;
        this.numbers.score[at] = data.score[row] ?? NaN;
        this.numbers.domain[at] = data.domain[row] ?? NaN;
        this.numbers.near[at] = nearestOf(data, row);
        const dense = data.dense[row] ?? null;
        if (dense !== null) looked = true;
        if (dense !== null && dense !== '') for (const each of dense.split('+')) classes.add(each);
      }
    });
    this.hasDomain = this.numbers.domain.some((share) => share < 1);
    this.domainRecorded = this.numbers.domain.some((share) => !Number.isNaN(share));
    this.denseClasses = looked ? [...classes].sort() : undefined;
  }

  row(at: number): Row {
    const data = this.dataOf(at);
    const row = this.rowOf[at] as number;
    const explanation = data.explanation[row] ?? '';
    const token = data.token[row] ?? '';
    const number = (key: NumberKey): number => this.numbers[key][at] as number;
    return {
      set: this.sets[this.setOf[at] as number] as SetData,
      data,
      row,
      latent: this.latent[at] as number,
      density: number('density'),
      domain: number('domain'),
      max: number('max'),
      score: number('score'),
      near: number('near'),
      explanation,
      label: labelOf(explanation, data.words[row] ?? '', token),
      token,
      dense: data.dense[row] ?? null,
    };
  }

  latentOf(at: number): number {
    return this.latent[at] as number;
  }

  /** Places of the rows that pass, in order; rows without a value of the sort key stand last either way. */
  select(filter: Filter): Uint32Array {
    const order = this.order(filter.sort, filter.down);
    const words = filter.query.toLowerCase().split(/\s+/).filter(Boolean);
    const latents = words.flatMap((word) => (/^#\d+$/.test(word) ? [Number(word.slice(1))] : []));
    const terms = words.filter((word) => !/^#\d*$/.test(word));
    const texts = terms.length > 0 ? this.texts() : [];
    const kept = new Uint32Array(this.size);
    let count = 0;
    for (const at of order) {
      const density = this.numbers.density[at] as number;
      if (density < filter.densityFrom || density >= filter.densityTo) continue;
      if (filter.set !== '' && this.sets[this.setOf[at] as number]?.id !== filter.set) continue;
      if (filter.dense !== '' && !isOfClass(this.dataOf(at).dense[this.rowOf[at] as number] ?? null, filter.dense)) continue;
      if (filter.explained && !isExplained(this.dataOf(at).explanation[this.rowOf[at] as number] ?? '')) continue;
      if (latents.some((latent) => latent !== this.latent[at])) continue;
      if (!terms.every((term) => texts[at]?.includes(term))) continue;
      kept[count++] = at;
    }
    return kept.subarray(0, count);
  }

  private dataOf(at: number): FeaturesData {
    return this.columns[this.setOf[at] as number] as FeaturesData;
  }

  private texts(): readonly string[] {
    this.haystack ??= Array.from({ length: this.size }, (_, at) => {
      const data = this.dataOf(at);
      const row = this.rowOf[at] as number;
      return `${data.explanation[row]} ${data.words[row]?.replaceAll(/:\d+/g, '')} ${data.token[row]}`.toLowerCase();
    });
    return this.haystack;
  }

  private order(key: SortKey, down: boolean): Uint32Array {
    const name = `${key} ${down}`;
    const held = this.orders.get(name);
    if (held !== undefined) return held;
    const values = this.sortValues(key);
    const places = Uint32Array.from({ length: this.size }, (_, at) => at);
    const valued = places.filter((at) => !Number.isNaN(values[at]));
    const others = places.filter((at) => Number.isNaN(values[at]));
    const sign = down ? -1 : 1;
    valued.sort((a, b) => sign * ((values[a] as number) - (values[b] as number)) || (this.latent[a] as number) - (this.latent[b] as number) || a - b);
    const order = new Uint32Array(this.size);
    order.set(valued);
    order.set(others, valued.length);
    this.orders.set(name, order);
    return order;
  }

  private sortValues(key: SortKey): Float64Array {
    if (key === 'latent') return this.latent;
    if (NUMBERS.some((each) => each === key)) return this.numbers[key as NumberKey];
    const text = (at: number): string => {
      const row = this.row(at);
      return key === 'arm' ? this.armOf(row.set) : (key === 'token' ? row.token.trim() : row.label).toLowerCase();
    };
    return ranks(Array.from({ length: this.size }, (_, at) => text(at)));
  }
}

/** Each text as its place among the distinct ones; NaN for empty texts. */
function ranks(texts: readonly string[]): Float64Array {
  const place = new Map([...new Set(texts)].sort().map((text, i) => [text, i]));
  return Float64Array.from(texts, (text) => (text === '' ? NaN : (place.get(text) ?? NaN)));
}

function isOfClass(dense: string | null, wanted: string): boolean {
  if (dense === null) return false;
  if (wanted === 'sparse') return dense === '';
  return wanted === 'dense' ? dense !== '' : dense.split('+').includes(wanted);
}

/** The table over the given sets of a run. */
export async function featureTable(run: RunData, sets: readonly SetData[]): Promise<FeatureTable> {
  const columns = await Promise.all(sets.map(({ id }) => features(id)));
  return new FeatureTable(sets, columns, (set) => armLabel(run, set.arm));
}

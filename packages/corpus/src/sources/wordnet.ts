import { random } from '@salmon-sae/dataflow';
import type { Document } from '@salmon-sae/dataflow';
import { sourceName } from '../source.js';
import type { WordnetSource } from '../source.js';
import { synsetText } from '../wordnet/questions.js';
import { wordnetTaxonomy } from '../wordnet/taxonomy.js';
import type { Position } from './open.js';

/** One document per synset; row = documents given out. */
export async function* wordnet(source: WordnetSource, from: Position): AsyncGenerator<Document, void, undefined> {
  const taxonomy = await wordnetTaxonomy(source.folder === undefined ? {} : { folder: source.folder });
  const chosen = [...taxonomy.synsets.values()].filter((synset) => source.part === 'all' || taxonomy.domain(synset.id) === source.part);
  if (source.order !== 'file') random(source.seed ?? 0, 'wordnet order').shuffle(chosen);
  const name = sourceName(source);
  for (let row = from.row; row < chosen.length; row++) {
    const synset = chosen[row]!;
    yield {
      id: `wordnet/${synset.id}`,
      domain: taxonomy.domain(synset.id),
      text: synsetText(synset, taxonomy),
      cursor: { source: name, shard: 0, row: row + 1 },
    };
  }
}

import { wordnetTaxonomy } from '@salmon-sae/corpus';
import type { WordnetTaxonomy } from '@salmon-sae/corpus';
import type { TokenBatch, Tokenizer } from '@salmon-sae/dataflow';
import { hierarchyAbsorption, labelRows } from '@salmon-sae/metrics';
import type { LabelledRows, TaxonomyParent } from '@salmon-sae/metrics';
import type { ExtraTable } from '../../report/index.js';
import { ABSORPTION_COLUMNS, absorptionCells, ABSORPTION_IDS, ABSORPTION_NOTE } from './absorption-cells.js';
import { DEFINITION_COLUMN, SAE_COLUMN } from './extra-task.js';
import type { ExtraRow, ExtraTask } from './extra-task.js';

/** Entities that a parent must have among the held-out documents, and the number of parents looked at. */
const CHILDREN = 20;
const PARENTS = 12;

/** Absorption over WordNet's own hierarchy: does a latent of one child stand in for the latent of its parent? */
export async function absorptionTable(task: ExtraTask): Promise<ExtraTable> {
  const { domain } = task;
  if (domain.source.kind !== 'wordnet') return tableOf([], ' Not measured: it needs a text with a taxonomy of its own, as WordNet has.');
  const taxonomy = await wordnetTaxonomy(domain.source.folder === undefined ? {} : { folder: domain.source.folder });
  const entities = locateEntities(task.tokens, taxonomy, task.session.model.tokenizer);
  const rows = labelRows(task.onDomain, (batch, row) => {
    const entity = entities.get(batch.origin.docs[batch.origin.doc[row]!]!);
    return entity !== undefined && entity.position === batch.origin.position[row] ? entity.synset : undefined;
  });
  const parents = parentsOf(new Set(rows.labels), taxonomy);
  if (parents.length === 0) return tableOf([], ` Not measured: no parent has ${CHILDREN} of its kinds among the ${rows.rows} held-out entities.`);
  const cells = task.saes.map(({ plan, sae }) => rowOf(task, { name: plan.name, sae, rows, parents, taxonomy }));
  return tableOf(cells, ` ${rows.rows} entities, ${parents.length} parents tried.`);
}

function tableOf(rows: readonly ExtraRow[], note: string): ExtraTable {
  return {
    id: 'hierarchy-absorption',
    title: 'Absorption over WordNet’s hierarchy',
    caption: `Activations at the last token of the word a held-out question asks about; the classes are the word’s hypernyms. Full: the parent’s latents are silent and another latent carries its direction; fraction: the share carried by others (arXiv 2409.14507, arXiv 2503.09532; over a hierarchy: this project’s proposal). ${ABSORPTION_NOTE}${note}`,
    columns: [SAE_COLUMN, ...ABSORPTION_COLUMNS, { id: 'example', label: 'Most frequent absorber' }, DEFINITION_COLUMN],
    rows,
  };
}

function rowOf(
  { session }: ExtraTask,
  { name, sae, rows, parents, taxonomy }: { readonly name: string; readonly sae: Parameters<typeof hierarchyAbsorption>[0]; readonly rows: LabelledRows; readonly parents: readonly TaxonomyParent[]; readonly taxonomy: WordnetTaxonomy },
): ExtraRow {
  const { samples: replicates, seed } = session.config.bootstrap;
  const { metrics, classes, absorbers } = hierarchyAbsorption(sae, rows, { taxonomy: parents, minChildren: CHILDREN, replicates, seed });
  const first = absorbers[0];
  const example = first === undefined ? null : `latent ${first.latent} (mostly “${nameOf(first.child, taxonomy)}”) for “${first.parent}”, ${first.cases} times`;
  return [name, ...absorptionCells({ metrics, classes }), example, ABSORPTION_IDS.join(', ')];
}

/** Document -> its synset and the position of the last token of the word's first mention, which is in the question. */
function locateEntities(tokens: readonly TokenBatch[], taxonomy: WordnetTaxonomy, tokenizer: Tokenizer): ReadonlyMap<string, { readonly synset: string; readonly position: number }> {
  const found = new Map<string, { readonly synset: string; readonly position: number }>();
  for (const batch of tokens) {
    for (let row = 0; row < batch.rows; row++) {
      let text = '';
      const ends: number[] = [];
      let doc: string | undefined;
      for (let t = 0; t < batch.context; t++) {
        const at = row * batch.context + t;
        if (batch.mask[at] === 1 && batch.special[at] === 0) {
          text += tokenizer.token(batch.ids[at]!);
          doc ??= batch.docs[batch.doc[at]!];
        }
        ends.push(text.length);
      }
      const synset = taxonomy.synsets.get(doc?.replace(/^wordnet\//, '') ?? '');
      if (doc === undefined || synset?.pos !== 'n') continue;
      const word = synset.lemmas[0] ?? '';
      const start = text.indexOf(word);
      if (word === '' || start === -1 || start > (text.includes('?') ? text.indexOf('?') : Infinity)) continue;
      found.set(doc, { synset: synset.id, position: ends.findIndex((end) => end >= start + word.length) });
    }
  }
  return found;
}

/** The hypernyms, at any height, with enough entities below them but not nearly all; the largest first. */
function parentsOf(entities: ReadonlySet<string>, taxonomy: WordnetTaxonomy): readonly TaxonomyParent[] {
  const children = new Map<string, Set<string>>();
  for (const entity of entities) {
    const open = [entity];
    const seen = new Set(open);
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      for (const above of taxonomy.hypernyms(id)) {
        if (seen.has(above.id)) continue;
        seen.add(above.id);
        open.push(above.id);
        children.set(above.id, (children.get(above.id) ?? new Set()).add(entity));
      }
    }
  }
  return [...children]
    .filter(([, below]) => below.size >= CHILDREN && below.size <= entities.size / 2)
    .sort(([a, x], [b, y]) => y.size - x.size || a.localeCompare(b))
    .slice(0, PARENTS)
    .map(([id, below]) => ({ name: nameOf(id, taxonomy), children: [...below] }));
}

function nameOf(id: string, taxonomy: WordnetTaxonomy): string {
  return taxonomy.synsets.get(id)?.lemmas[0] ?? id;
}

import type { LabelledRows } from '../probes/labelled-rows.js';
import { encodeRows } from '../probes/labelled-rows.js';
import type { Absorption, AbsorptionClass, AbsorptionOptions, ReadableSae } from './absorption.js';
import { absorption } from './absorption.js';

/** A parent concept with the children (entities) under it: an organ system and its diseases, a WordNet synset and its hyponyms. */
export interface TaxonomyParent {
  readonly name: string;
  readonly children: readonly string[];
}

export interface HierarchyOptions extends AbsorptionOptions {
  /** Parents with fewer children present in the rows are left out (default 10). */
  readonly minChildren?: number;
}

/** A latent that stood in for a parent's split latents at some child. */
export interface Absorber {
  readonly parent: string;
  readonly latent: number;
  /** Held-out rows on which it fully absorbed the parent. */
  readonly cases: number;
  /** The child it fires on most, and the share of its active rows (of any entity) that are this child's. */
  readonly child: string;
  readonly specificity: number;
}

export interface HierarchyAbsorption extends Absorption {
  readonly absorbers: readonly Absorber[];
}

/**
 * Absorption over a domain's own hierarchy instead of first letters: rows are activations at entity tokens labelled with the entity, a
 * probe per parent is trained on some entities and tested on others. An absorber of high specificity is a child's latent that has
 * swallowed the parent feature.
 */
export function hierarchyAbsorption(
  sae: ReadableSae,
  rows: LabelledRows,
  task: { readonly taxonomy: readonly TaxonomyParent[] } & HierarchyOptions,
): HierarchyAbsorption {
  const result = absorption(sae, rows, { ...task, classes: taxonomyClasses(task.taxonomy, rows.labels, task.minChildren) });
  return { ...result, absorbers: findAbsorbers(sae, rows, result) };
}

/** One class per parent of which at least `minChildren` children occur among the labels. */
export function taxonomyClasses(taxonomy: readonly TaxonomyParent[], labels: Iterable<string>, minChildren = 10): readonly AbsorptionClass[] {
  const present = new Set(labels);
  return taxonomy
    .map(({ name, children }) => ({ name, members: new Set(children.filter((child) => present.has(child))) }))
    .filter(({ members }) => members.size >= minChildren);
}

function findAbsorbers(sae: ReadableSae, rows: LabelledRows, { classes }: Absorption): readonly Absorber[] {
  const codes = encodeRows(sae, rows);
  const firing = new Map<number, Map<string, number>>();
  const wanted = new Set(classes.flatMap((c) => c.words.filter((w) => w.full).map((w) => w.absorber)));
  for (let t = 0; t < codes.rows; t++) {
    for (let i = codes.indptr[t] as number; i < (codes.indptr[t + 1] as number); i++) {
      const f = codes.indices[i] as number;
      if (!wanted.has(f)) continue;
      const counts = firing.get(f) ?? new Map<string, number>();
      const label = rows.labels[t] as string;
      firing.set(f, counts.set(label, (counts.get(label) ?? 0) + 1));
    }
  }
  const found: Absorber[] = [];
  for (const { name, words } of classes) {
    const cases = new Map<number, number>();
    for (const word of words) if (word.full) cases.set(word.absorber, (cases.get(word.absorber) ?? 0) + 1);
    for (const [latent, n] of cases) {
      const counts = [...(firing.get(latent) ?? [])].sort(([, a], [, b]) => b - a);
      const [child, most] = counts[0] ?? ['', 0];
      const total = counts.reduce((sum, [, c]) => sum + c, 0);
      found.push({ parent: name, latent, cases: n, child, specificity: most / total });
    }
  }
  return found.sort((a, b) => b.cases - a.cases || a.latent - b.latent);
}

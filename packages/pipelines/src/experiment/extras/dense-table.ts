import { antipodalPairs, denseLatents, directionsOf, latentActivity, selectDirections } from '@salmon-sae/metrics';
import { from, lastValueFrom } from 'rxjs';
import type { ExtraTable } from '../../report/index.js';
import { DEFINITION_COLUMN, SAE_COLUMN } from './extra-task.js';
import type { ExtraRow, ExtraTask } from './extra-task.js';

/** Product of both cosines from which two latents count as opposite ends of one axis. */
const ANTIPODAL = 0.9;

/** Latents active on more than a tenth of the domain tokens, what they are for, and antipodal pairs (arXiv 2506.15679). */
export async function denseTable({ session, saes, onDomain, live }: ExtraTask): Promise<ExtraTable> {
  const rows: ExtraRow[] = [];
  for (const { plan, sae } of saes) {
    const activity = await lastValueFrom(from(onDomain).pipe(latentActivity(sae)));
    const { latents, counts, massShare } = denseLatents({ sae, activity, batches: onDomain, model: session.model });
    const directions = selectDirections(directionsOf(sae.state), live(plan.name));
    const { score, partner } = antipodalPairs(directions);
    const pairs = score.reduce((n, s, i) => n + (s > ANTIPODAL && i < (partner[i] ?? -1) ? 1 : 0), 0);
    const ids = 'latents_dense@1, dense_position@1, dense_binding@1, dense_output@1, dense_pca@1, dense_mass@1, antipodal@1';
    rows.push([plan.name, latents.length, counts.position, counts.binding, counts.output, counts.pca, counts.unclassified, massShare, pairs, ids]);
  }
  return {
    id: 'dense-latents',
    title: 'Dense latents and antipodal pairs',
    caption:
      'Latents active on more than 10% of the held-out domain tokens, by class; a latent may be in several. Mass: share of all activation that they hold. Antipodal pairs: among live latents, encoder and decoder cosines both negative, product above 0.9. ' +
      'Left out: the null-space class, because the language model interface does not give the unembedding matrix, and the content-word class, because the tokens carry no parts of speech.',
    columns: [
      SAE_COLUMN,
      { id: 'dense', label: 'Dense' },
      { id: 'position', label: 'Position' },
      { id: 'binding', label: 'Binding' },
      { id: 'output', label: 'Output' },
      { id: 'pca', label: 'First component' },
      { id: 'unclassified', label: 'No class' },
      { id: 'mass', label: 'Mass' },
      { id: 'antipodal', label: 'Antipodal pairs' },
      DEFINITION_COLUMN,
    ],
    rows,
  };
}

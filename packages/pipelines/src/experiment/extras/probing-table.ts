import { interval, joinRows, kSparseProbing, labelRows } from '@salmon-sae/metrics';
import type { ExtraTable } from '../../report/index.js';
import { DEFINITION_COLUMN, SAE_COLUMN } from './extra-task.js';
import type { ExtraRow, ExtraTask } from './extra-task.js';

/** Fewer documents of a text than this give no usable test set. */
const DOCUMENTS = 20;
/** Tokens of each text. */
const LIMIT = 10_000;

/** How well one, two and five latents tell domain documents from broad ones (SAEBench, arXiv 2503.09532). */
export function probingTable({ session, saes, onDomain, onBroad }: ExtraTask): ExtraTable {
  const [domain, broad] = [labelRows(onDomain, () => 'domain', LIMIT), labelRows(onBroad, () => 'broad', LIMIT)];
  const data = joinRows([domain, broad]);
  const enough = [domain, broad].every(({ groups }) => new Set(groups).size >= DOCUMENTS);
  const ids = ['sparse_probe_k1@1', 'sparse_probe_k2@1', 'sparse_probe_k5@1', 'dense_probe@1'];
  const { samples: replicates, seed } = session.config.bootstrap;
  const rows = enough
    ? saes.map(({ plan, sae }): ExtraRow => {
        const { metrics } = kSparseProbing(sae, data, { replicates, seed });
        return [plan.name, ...ids.map((id) => (metrics[id] === undefined ? null : interval(metrics[id]))), ids.join(', ')];
      })
    : [];
  return {
    id: 'sparse-probing',
    title: 'Telling domain from broad text with few latents',
    caption: `Held-out balanced accuracy of a logistic regression on the k best latents, averaged over each document’s tokens, and on the activation itself; chance is 0.5.${enough ? '' : ` Not measured: a text has fewer than ${DOCUMENTS} held-out documents.`}`,
    columns: [SAE_COLUMN, { id: 'k1', label: 'One latent' }, { id: 'k2', label: 'Two' }, { id: 'k5', label: 'Five' }, { id: 'dense', label: 'Activation' }, DEFINITION_COLUMN],
    rows,
  };
}

import { interval, targetedProbePerturbation } from '@salmon-sae/metrics';
import type { ExtraTable } from '../../report/index.js';
import { documentKinds } from './document-kinds.js';
import { DEFINITION_COLUMN, measure, SAE_COLUMN, withRandomSae } from './extra-task.js';
import type { ExtraRow, ExtraTask } from './extra-task.js';

const N = [2, 10, 50] as const;

/** Targeted probe perturbation (SAEBench, arXiv 2503.09532) over what documents are about. */
export async function perturbationTable(task: ExtraTask): Promise<ExtraTable> {
  const rows = await documentKinds(task);
  const kinds = [...new Set(rows.labels)].sort();
  const ids = [...N.map((n) => `tpp_pooled_n${n}@1`), 'tpp_probe_accuracy@1'];
  const { samples: replicates, seed } = task.session.config.bootstrap;
  const measured = kinds.length < 2 ? [] : await withRandomSae(task, ({ name, sae }): ExtraRow => {
    const { metrics } = targetedProbePerturbation(sae, rows, { n: N, pool: true, replicates, seed });
    return [name, ...ids.map((id) => measure(metrics[id] === undefined ? undefined : interval(metrics[id]))), ids.join(', ')];
  });
  const documents = new Set(rows.groups).size;
  return {
    id: 'probe-perturbation',
    title: 'Targeted probe perturbation',
    caption: `One linear probe per kind of document, on activations averaged over each document. The latents of one kind are taken out: by how much more does its own probe fall than the others’ (balanced accuracy)? Higher is better; 0 is no selectivity. Last number: accuracy of the probes themselves. Control: an SAE of random directions, as wide and as sparse.${kinds.length < 2 ? ' Not measured: there are not two kinds with 30 held-out documents each.' : ` ${documents} documents; kinds: ${kinds.join(', ')}.`}`,
    columns: [SAE_COLUMN, ...N.map((n) => ({ id: `n${n}`, label: `${n} latents` })), { id: 'probe', label: 'Probe accuracy' }, DEFINITION_COLUMN],
    rows: measured,
  };
}

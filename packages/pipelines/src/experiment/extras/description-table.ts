import { descriptionLength, interval } from '@salmon-sae/metrics';
import type { ExtraTable } from '../../report/index.js';
import { DEFINITION_COLUMN, defined, SAE_COLUMN } from './extra-task.js';
import type { ExtraRow, ExtraTask } from './extra-task.js';

/** Bits a token that the codes take (arXiv 2410.11179). */
export async function descriptionTable({ session, saes, onDomain, onBroad }: ExtraTask): Promise<ExtraTable> {
  const rows: ExtraRow[] = [];
  const { samples: replicates, seed } = session.config.bootstrap;
  for (const { plan, sae } of saes) {
    const [a, b] = [await descriptionLength(sae, () => onDomain, { replicates, seed }), await descriptionLength(sae, () => onBroad, { replicates, seed })];
    const bits = (one: typeof a): ExtraRow[number] => (Number.isFinite(one.bits.value) ? interval(one.bits) : null);
    rows.push([plan.name, bits(a), bits(b), defined(a.boundBits), 'description_length@1']);
  }
  return {
    id: 'description-length',
    title: 'Description length',
    caption: 'Bits per token of the quantised codes, at the coarsest quantisation that raises the normalised squared error by at most 0.01 (arXiv 2410.11179). A dash: no quantisation tried stays within that. Last number: the same codes on domain text as pairs of index and float.',
    columns: [SAE_COLUMN, { id: 'domain', label: 'Bits/token, domain' }, { id: 'broad', label: 'Bits/token, broad' }, { id: 'bound', label: 'As index and float' }, DEFINITION_COLUMN],
    rows,
  };
}

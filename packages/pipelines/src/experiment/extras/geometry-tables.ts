import { decoderRedundancy, directionsOf, featureSplitting, selectDirections } from '@salmon-sae/metrics';
import type { Directions } from '@salmon-sae/metrics';
import type { ExtraTable } from '../../report/index.js';
import type { PlannedSae } from '../plan.js';
import { DEFINITION_COLUMN, defined, SAE_COLUMN } from './extra-task.js';
import type { ExtraRow, ExtraTask } from './extra-task.js';

/** How many live latents have a near-copy among the others (arXiv 2410.08201). */
export function redundancyTable({ saes, live }: ExtraTask): ExtraTable {
  const rows = saes.flatMap(({ plan, sae }): ExtraRow[] => {
    const alive = live(plan.name);
    if (alive.length < 2) return [];
    const { share, meanNearest } = decoderRedundancy(selectDirections(directionsOf(sae.state), alive));
    return [[plan.name, alive.length, share, meanNearest, 'decoder_redundant@1, decoder_nearest_cosine@1']];
  });
  return {
    id: 'decoder-redundancy',
    title: 'Decoder redundancy',
    caption: 'Among latents that fired on held-out text: the share whose decoder row has a cosine above 0.9 with another’s, and the mean of the largest cosine.',
    columns: [SAE_COLUMN, { id: 'live', label: 'Live latents' }, { id: 'redundant', label: 'Redundant share' }, { id: 'nearest', label: 'Mean nearest cosine' }, DEFINITION_COLUMN],
    rows,
  };
}

/** Narrow latents that become several in the next wider SAE of the same arm, target and seed. */
export async function splittingTable(plans: readonly PlannedSae[], open: (plan: PlannedSae) => Promise<Directions>): Promise<ExtraTable> {
  const rows: ExtraRow[] = [];
  for (const narrow of plans) {
    const wide = plans.filter((plan) => plan.arm === narrow.arm && plan.latents > narrow.latents).sort((a, b) => a.latents - b.latents)[0];
    if (wide === undefined) continue;
    const { share, meanParts } = featureSplitting(await open(narrow), await open(wide));
    rows.push([narrow.name, wide.name, defined(share), defined(meanParts), 'feature_splitting@1']);
  }
  return {
    id: 'feature-splitting',
    title: 'Feature splitting',
    caption: `Of the narrow SAE’s live latents that have a counterpart in the wider one (encoder and decoder cosine both at least 0.7), the share with two or more.${rows.length === 0 ? ' Not measured: the grid has one width only.' : ''}`,
    columns: [{ id: 'narrow', label: 'Narrow SAE' }, { id: 'wide', label: 'Wide SAE' }, { id: 'share', label: 'Split share' }, { id: 'parts', label: 'Mean parts' }, DEFINITION_COLUMN],
    rows,
  };
}

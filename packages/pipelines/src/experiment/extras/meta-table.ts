import { directionsOf, interval, metaSae, selectDirections } from '@salmon-sae/metrics';
import type { Directions } from '@salmon-sae/metrics';
import type { ExtraTable } from '../../report/index.js';
import { DEFINITION_COLUMN, SAE_COLUMN } from './extra-task.js';
import type { ExtraRow, ExtraTask } from './extra-task.js';
import { randomDirections } from './random-sae.js';

/** A dictionary with fewer live latents is not decomposed; steps and rows of one step of the meta-SAE's training. */
const LEAST = 64;
const TRAINING = { steps: 300, batch: 256, learningRate: 4e-3 };

/** How far decoder rows are sums of fewer, shared directions (meta-SAE of SAEBench, arXiv 2503.09532). */
export async function metaTable({ session, saes, live }: ExtraTask): Promise<ExtraTable> {
  const { samples: replicates, seed } = session.config.bootstrap;
  const rows: ExtraRow[] = [];
  const add = async (name: string, of: Directions): Promise<void> => {
    const { fve } = await metaSae(of, { ...TRAINING, replicates, seed });
    rows.push([name, of.latents, interval(fve), fve.metric]);
  };
  const decomposed = saes.map(({ plan, sae }) => ({ plan, directions: selectDirections(directionsOf(sae.state), live(plan.name)) })).filter(({ directions }) => directions.latents >= LEAST);
  for (const { plan, directions } of decomposed) await add(plan.name, directions);
  const like = decomposed.find(({ plan }) => plan.arm === 'domain') ?? decomposed[0];
  if (like !== undefined) await add('random directions', randomLike(like.directions, seed));
  return {
    id: 'meta-sae',
    title: 'Meta-SAE: decoder rows as compositions',
    caption: `Variance of the live latents’ decoder rows explained by a small SAE with a quarter as many latents, four active (${TRAINING.steps} steps). Higher: latents are compositions of fewer, shared directions. Control: as many random directions as the domain’s SAE has live latents; only what lies above it is structure. Trained and scored on the same rows; intervals resample latents.${rows.length === 0 ? ` Not measured: no SAE has ${LEAST} live latents.` : ''}`,
    columns: [SAE_COLUMN, { id: 'live', label: 'Live latents' }, { id: 'fve', label: 'Explained' }, DEFINITION_COLUMN],
    rows,
  };
}

function randomLike({ latents, encoderWidth, decoderWidth }: Directions, seed: number): Directions {
  const decoder = randomDirections(latents, decoderWidth, seed);
  return { latents, encoderWidth, decoderWidth, encoder: decoder, decoder };
}

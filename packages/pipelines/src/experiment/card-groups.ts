import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { FeatureCard } from '@salmon-sae/dataflow';
import type { ArmFacts, CardGroup, DomainOnlySection } from '../report/index.js';
import { SHARED_COSINE } from '@salmon-sae/metrics';
import type { InterpretedSae } from './interpret-arms.js';
import type { Overlaps } from './overlaps.js';
import type { PlannedSae } from './plan.js';
import type { Session } from './session.js';

const SHOWN = 6;

/** For each arm, the explained latents with the best detection scores; the choice is said in the group's introduction. */
export async function cardGroups(
  session: Session,
  task: { readonly plans: readonly PlannedSae[]; readonly interpreted: readonly InterpretedSae[]; readonly arms: readonly ArmFacts[] },
): Promise<readonly CardGroup[]> {
  const groups: CardGroup[] = [];
  for (const one of task.interpreted) {
    if (!task.plans.some((plan) => plan.name === one.sae)) continue;
    const best = [...one.detection].sort((a, b) => b.score - a.score).slice(0, SHOWN).map(({ latent }) => latent);
    const label = task.arms.find(({ id }) => id === one.arm)?.label ?? one.arm;
    groups.push({
      title: `${label}: ${one.sae}`,
      intro: `The ${best.length} best detected of ${one.detection.length} latents scored, which were drawn at random from ${one.eligible} with enough active windows.`,
      cards: await cardsOf(session, one, best),
    });
  }
  return groups;
}

/** Cards of latents that only the domain SAE has, the most active first. */
export async function domainOnlyCards(
  session: Session,
  only: Overlaps['domainOnly'][number],
  interpreted: readonly InterpretedSae[],
): Promise<DomainOnlySection | undefined> {
  const one = interpreted.find((each) => each.sae === only.sae);
  if (one === undefined) return undefined;
  const unique = new Set(only.latents);
  const explained = one.detection.filter(({ latent }) => unique.has(latent)).sort((a, b) => b.score - a.score).map(({ latent }) => latent);
  const cards = await cardsOf(session, one, explained.slice(0, SHOWN));
  return { sae: only.sae, against: only.against, threshold: SHARED_COSINE, count: only.latents.length, of: only.of, cards };
}

async function cardsOf(session: Session, one: InterpretedSae, latents: readonly number[]): Promise<readonly FeatureCard[]> {
  const found = new Map<number, FeatureCard>();
  const lines = createInterface({ input: createReadStream(session.run.file(one.cards)), crlfDelay: Infinity });
  for await (const line of lines) {
    if (line === '') continue;
    const card = JSON.parse(line) as FeatureCard;
    if (latents.includes(card.latent)) found.set(card.latent, card);
  }
  return latents.flatMap((latent) => found.get(latent) ?? []);
}

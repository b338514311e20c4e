import { describe, expect, it } from 'vitest';
import { compareDetection, detectionOf } from './detection.js';
import type { DetectedLatent, InterpretedSae } from './interpret-arms.js';
import type { PlannedSae } from './plan.js';

const arms = ['domain', 'broad'].map((id) => ({ id, label: id, description: '' }));
const plans = arms.map(({ id }): PlannedSae => ({ name: `${id}-sae`, arm: id as 'domain', text: id, latents: 64, targetL0: 8, seed: 1, headline: true }));

/** Latents whose score lies `above` that of their random direction, which itself varies. */
function interpreted(arm: string, score: number, above: number, random: boolean | number = true): InterpretedSae {
  const detection = Array.from({ length: 50 }, (_, latent): DetectedLatent => {
    const shift = 0.1 * Math.sin(latent);
    const scored = random === true || (typeof random === 'number' && latent < random);
    return { latent, score: score + shift, shuffled: 0.5, random: scored ? score + shift - above + 0.02 * Math.cos(3 * latent) : null };
  });
  return { sae: `${arm}-sae`, arm, text: 'domain', detection, eligible: 50, cards: '' };
}

const compare = (domain: InterpretedSae, broad: InterpretedSae): ReturnType<typeof compareDetection> => compareDetection({ arms, plans, interpreted: [domain, broad], measured: [] });

describe('detection', () => {
  it('pairs every latent with its random direction: what both share does not widen the interval', () => {
    const { detection } = detectionOf(interpreted('domain', 0.75, 0.1));
    expect(detection?.score.value).toBeCloseTo(0.75, 1);
    expect(detection?.overRandom?.value).toBeCloseTo(0.1, 2);
    const width = (one: { readonly low?: number; readonly high?: number } | undefined): number => (one?.high ?? 0) - (one?.low ?? 0);
    expect(width(detection?.overRandom)).toBeLessThan(width(detection?.score) / 3);
    expect(detection).toMatchObject({ latents: 50, paired: 50 });
    expect(detectionOf(undefined)).toEqual({});
  });

  it('judges what lies above random directions, not the score: a higher score with as high a control wins nothing', () => {
    const [same] = compare(interpreted('domain', 0.9, 0.1), interpreted('broad', 0.7, 0.1));
    expect(same?.outcome).toBe('none');
    const [better] = compare(interpreted('domain', 0.7, 0.2), interpreted('broad', 0.9, 0.1));
    expect(better?.outcome).toBe('first');
    expect(better?.difference.value).toBeCloseTo(0.1, 2);
  });

  it('judges nothing without random directions, and counts only latents that have one', () => {
    expect(compare(interpreted('domain', 0.9, 0.1, false), interpreted('broad', 0.7, 0.1))).toEqual([]);
    expect(detectionOf(interpreted('domain', 0.9, 0.1, false)).detection).not.toHaveProperty('overRandom');
    expect(detectionOf(interpreted('domain', 0.9, 0.1, 30)).detection).toMatchObject({ latents: 50, paired: 30 });
  });
});

import { describe, expect, it } from 'vitest';
import { embeddedDefault } from './defaults.js';
import { planArms } from './plan.js';

describe('planArms', () => {
  const base = embeddedDefault('model');
  const config = { ...base, grid: { ...base.grid, seedsAt: 'headline' as const } };

  it('trains every point once and the headline with every seed', () => {
    const plans = planArms(config).filter((plan) => plan.arm === 'domain');
    expect(plans.map((plan) => `${plan.targetL0}/${plan.seed}`)).toEqual(['4/1', '8/1', '8/2', '8/3', '16/1']);
    expect(plans.filter((plan) => plan.headline)).toHaveLength(3);
  });

  it('puts each boosted SAE on a broad SAE of the same point and seed that comes before it', () => {
    const plans = planArms(config);
    for (const [index, plan] of plans.entries()) {
      if (plan.arm !== 'boosted') continue;
      const base = plans.findIndex((other) => other.name === plan.base);
      expect(base).toBeGreaterThanOrEqual(0);
      expect(base).toBeLessThan(index);
      expect(plans[base]?.seed).toBe(plan.seed);
      expect(plan.latents).toBe((plans[base]?.latents ?? 0) + config.boosting.latents);
    }
  });

  it('gives every SAE a name of its own, also with several domains and all baselines', () => {
    const wide = planArms({
      ...config,
      domains: [...config.domains, { name: 'law', title: 'Law', source: { kind: 'jsonl', paths: ['law.jsonl'] } }],
      arms: ['broad', 'domain', 'boosted', 'full-finetune', 'extended-random', 'extended-active', 'stitched'],
      grid: { ...config.grid, latents: [768, 1536], seedsAt: 'all' },
    });
    expect(new Set(wide.map((plan) => plan.name)).size).toBe(wide.length);
  });
});

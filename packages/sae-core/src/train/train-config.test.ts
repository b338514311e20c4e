import { useBackend } from '@salmon-sae/compute';
import { describe, expect, it } from 'vitest';
import { ARCHITECTURES } from '../architectures/architectures.js';
import { batchTopK } from '../architectures/batch-topk.js';
import { jumprelu } from '../architectures/jumprelu.js';
import { reweighted } from '../architectures/reweighted.js';
import { trainConfigJsonSchema } from './config-schema.js';
import { estimate, measureMatrixRate } from './estimate.js';
import { resolveSpec, resolveSpecs } from './train-spec.js';

describe('training configuration', () => {
  it('lays the architecture, the shared and the own options over the general defaults', () => {
    const { config } = resolveSpec({ sae: jumprelu({ latents: 64 }), training: { seed: 7 } }, { steps: 300, seed: 1 }, ARCHITECTURES);
    expect(config.training).toMatchObject({ beta1: 0, decoder: 'unit-norm', steps: 300, seed: 7, learningRate: 3e-4 });
    expect(config.id).toBe('jumprelu-64');
    const inner = resolveSpec(reweighted(jumprelu({ latents: 64 })), {}, ARCHITECTURES).config;
    expect(inner.training.beta1).toBe(0);
  });

  it('survives JSON: a resolved configuration resolves to itself', () => {
    for (const sae of [jumprelu({ latents: 64 }), batchTopK({ latents: 32, k: 2.5 }), reweighted(batchTopK({ latents: 32 }))]) {
      const { config } = resolveSpec({ sae }, {}, ARCHITECTURES);
      const again = resolveSpec(JSON.parse(JSON.stringify(config)), {}, ARCHITECTURES).config;
      expect(again).toEqual(config);
    }
  });

  it('names every wrong field', () => {
    expect(() => jumprelu({ latents: 0, targetL0: -1 })).toThrow(/latents.*targetL0/);
    expect(() => jumprelu({ latents: 8, tagetL0: 4 } as never)).toThrow(/tagetL0/);
    expect(() => resolveSpec({ sae: { kind: 'jumprelu', latents: 8 }, training: { learningRate: 0 } }, {}, ARCHITECTURES)).toThrow(/learningRate/);
    expect(() => resolveSpec({ sae: { kind: 'jumpreul', latents: 8 } }, {}, ARCHITECTURES)).toThrow(/no such SAE architecture.*jumprelu/);
    expect(() => resolveSpecs([jumprelu({ latents: 8 }), jumprelu({ latents: 8 })], {}, ARCHITECTURES)).toThrow(/same name/);
    expect(() => resolveSpecs([{ id: '../x', sae: jumprelu({ latents: 8 }) }], {}, ARCHITECTURES)).toThrow(/file names/);
    expect(() => resolveSpecs([], {}, ARCHITECTURES)).toThrow(/no SAE/);
  });

  it('has a JSON schema with every architecture and option', () => {
    const schema = JSON.stringify(trainConfigJsonSchema());
    for (const word of [...ARCHITECTURES.map((a) => `"const":"${a.kind}"`), '"targetL0"', '"learningRate"', '"deadAfter"', '"saes"']) expect(schema).toContain(word);
  });

  it('estimates parameters, memory and time', async () => {
    await useBackend();
    const rate = measureMatrixRate({ rows: 64, width: 64, latents: 128 });
    expect(rate).toBeGreaterThan(1e6);
    const e = estimate(resolveSpec({ sae: jumprelu({ latents: 100 }), training: { steps: 10, batch: 50 } }, {}, ARCHITECTURES), { width: 8, rate: 1e6 });
    expect(e.parameters).toBe(2 * 800 + 100 + 8 + 100);
    expect(e.weightBytes).toBe(e.parameters * 12);
    const low = estimate(resolveSpec({ sae: jumprelu({ latents: 100 }), training: { batch: 50, moments: 'bf16' } }, {}, ARCHITECTURES), { width: 8, rate: 1e6 });
    expect(low.weightBytes).toBe(e.weightBytes - 1600 * 4);
    expect(low.stepBytes).toBe(e.stepBytes - 1600 * 4);
    expect(e.flopsPerStep).toBe(2 * 50 * 800 * 5);
    expect(e.seconds).toBeCloseTo(4);
    expect(e.tokens).toBe(500);
  });
});

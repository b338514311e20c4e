import { isSalmonError } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import { parseExperiment } from './config.js';
import { embeddedDefault, forSlowEngine, quick } from './defaults.js';

function failure(input: unknown): string {
  try {
    parseExperiment(input, 'my.json');
  } catch (error) {
    if (isSalmonError(error)) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('parseExperiment', () => {
  const config = embeddedDefault('datasets/minnow');

  it('accepts the built-in configurations', () => {
    for (const each of [config, quick(config), forSlowEngine(config)]) expect(parseExperiment(each, 'built in')).toEqual(each);
  });

  it('names an unknown field and the file', () => {
    expect(failure({ ...config, colour: 'red' })).toMatch(/my\.json.*colour/s);
  });

  it('names a wrong field by its path', () => {
    expect(failure({ ...config, training: { ...config.training, batch: -1 } })).toContain('training.batch');
    expect(failure({ ...config, domains: [] })).toContain('domains');
  });

  it('refuses a headline setting that is not on the grid', () => {
    expect(failure({ ...config, grid: { ...config.grid, headline: { latents: 5, targetL0: 8 } } })).toMatch(/headline.*latents 5/s);
  });
});

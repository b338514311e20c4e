import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSalmonError } from '@salmon-sae/dataflow';
import { describe, expect, it } from 'vitest';
import { parseTrainingFile, trainingFileJsonSchema } from './training-file.js';

const file = {
  $schema: 'train.schema.json',
  out: 'trained',
  data: { kind: 'store', path: 'stores/abc' },
  saes: [{ sae: { kind: 'jumprelu', latents: 64, targetL0: 8 } }],
};

describe('training file', () => {
  it('fills in defaults and keeps the SAEs as they are', () => {
    const parsed = parseTrainingFile(file, 'train.json');
    expect(parsed.data).toMatchObject({ kind: 'store', epochs: 1, batch: 2048 });
    expect(parsed.saes[0]?.sae).toEqual(file.saes[0]?.sae);
  });

  it('names file and field of what is wrong', () => {
    expect(() => parseTrainingFile({ ...file, speed: 3 }, 'train.json')).toThrow(/train\.json.*speed/s);
    expect(() => parseTrainingFile({ ...file, saes: [] }, 'train.json')).toThrow(/saes/);
    try {
      parseTrainingFile({}, 'train.json');
    } catch (error) {
      expect(isSalmonError(error) && error.code).toBe('bad-config');
    }
  });

  it('the schema that the package ships is that of the code, with every part of it resolvable', async () => {
    const schema = trainingFileJsonSchema();
    const shipped: unknown = JSON.parse(await readFile(join(import.meta.dirname, '../../train.schema.json'), 'utf8'));
    expect(shipped).toEqual(JSON.parse(JSON.stringify(schema)));
    const text = JSON.stringify(schema);
    for (const [, name] of text.matchAll(/"#\/\$defs\/([^"]+)"/g)) expect(Object.keys(schema['$defs'] as object)).toContain(name);
    for (const kind of ['jumprelu', 'batchtopk', 'matryoshka', 'gated']) expect(text).toContain(`"${kind}"`);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { darkMatterMetrics, lossMetrics, reconstructionMetrics } from './index.js';

const definitions = readFileSync(join(import.meta.dirname, '../docs/definitions.md'), 'utf8');

describe('definitions', () => {
  it('are written down for every metric id that the code can emit', () => {
    const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts'));
    const ids = new Set(files.flatMap((f) => readFileSync(join(import.meta.dirname, f), 'utf8').match(/\b[a-z][a-z0-9_]*(<[kn]>)?@\d+/g) ?? []));
    expect(ids.size).toBeGreaterThan(50);
    for (const id of ids) expect(definitions, id).toContain(`\`${id}\``);
    for (const { id } of [...reconstructionMetrics, ...lossMetrics, ...darkMatterMetrics]) expect(ids.has(id), id).toBe(true);
  });
});

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import type { ReportData } from './report-data.js';
import { renderReport } from './render-report.js';
import { verdict } from './verdict.js';
it('preview', () => {
  const data = JSON.parse(readFileSync(join(import.meta.dirname, '../../test/fixtures/report-sample.json'), 'utf8')) as ReportData;
  const b = data.saes.filter((r) => r.arm === 'boosted' && r.targetL0 === 16 && r.seed === 0);
  const more = ['full-finetune', 'extended-random', 'extended-active', 'stitched'];
  const arms = [...data.arms, ...more.map((id) => ({ id, label: id.replace('-', ' '), description: 'a baseline of boosting' }))];
  const extra = more.map((arm, i) => ({ ...b[0]!, arm, sae: arm, latents: 1536 + 20 * i, texts: { domain: { ...b[0]!.texts.domain!, fve: { value: 0.7 - 0.02 * i } }, broad: { ...b[0]!.texts.broad!, fve: { value: 0.6 - 0.05 * i } } } }));
  const wide = data.saes.filter((r) => r.arm === 'broad' && r.seed === 0).map((r) => ({ ...r, latents: 3072, texts: { domain: { ...r.texts.domain!, fve: { value: r.texts.domain!.fve.value + 0.03 } } } }));
  const full = { ...data, arms, saes: [...data.saes, ...extra, ...wide], verdict: verdict(data.saes, data.arms, { first: 'domain', second: 'broad' }) };
  writeFileSync('/tmp/report/report.html', renderReport(full));
});

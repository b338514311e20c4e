// Sums the JSON reports that vitest left in every package and prints "N passed, N failed" as its only line.
// A package with test files but without a report counts as one failure: its tests did not run to the end.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const packages = join(import.meta.dirname, '../../packages');
let passed = 0;
let failed = 0;
for (const name of readdirSync(packages)) {
  const report = join(packages, name, '.vitest-results/report.json');
  if (existsSync(report)) {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    passed += result.numPassedTests;
    failed += result.numFailedTests;
    failed += result.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
  } else if (hasTests(join(packages, name, 'src'))) {
    console.error(`no test report from ${name}`);
    failed += 1;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function hasTests(folder) {
  return readdirSync(folder, { recursive: true }).some((file) => String(file).endsWith('.test.ts'));
}

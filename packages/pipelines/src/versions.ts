import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Versions of what a result depends on: our packages, the engine's JavaScript side, Node. */
export function packageVersions(): Readonly<Record<string, string>> {
  const require = createRequire(import.meta.url);
  const names = ['dataflow', 'compute', 'corpus', 'activations', 'sae-core', 'boosting-residual', 'metrics', 'autointerp'].map((name) => `@salmon-sae/${name}`);
  const versions = names.map((name) => [name, versionOf(require.resolve(`${name}/package.json`))] as const);
  const own = new URL('../package.json', import.meta.url);
  return Object.fromEntries([...versions, ['@salmon-sae/pipelines', versionOf(own)], ['node', process.version]]);
}

function versionOf(path: string | URL): string {
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version;
}

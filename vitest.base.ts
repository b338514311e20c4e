import { defaultServerConditions } from 'vite';
import type { ViteUserConfig } from 'vitest/config';

// Vitest hands these conditions to Node itself, and Node cannot run what some packages offer bundlers as "module".
const conditions = ['@salmon-sae/source', ...defaultServerConditions.filter((condition) => condition !== 'module')];

/**
 * Shared vitest settings: sibling packages resolve to their TypeScript source, never to dist; test files of one
 * package share one process, because loading TensorFlow costs more than most test files.
 */
export function baseVitest(name: string, root: string): ViteUserConfig {
  return {
    root,
    cacheDir: `${root}/node_modules/.vite`,
    ssr: { resolve: { conditions } },
    test: {
      name,
      include: ['src/**/*.test.ts'],
      environment: 'node',
      watch: false,
      pool: 'forks',
      maxWorkers: 1,
      isolate: false,
      testTimeout: 60_000,
      hookTimeout: 600_000,
      env: { TF_CPP_MIN_LOG_LEVEL: '2' },
      reporters: ['default', ['json', { outputFile: `${root}/.vitest-results/report.json` }]],
    },
  };
}

import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';
import * as jsoncParser from 'jsonc-eslint-parser';

/** Who may import whom (see docs/architecture.md): contracts <- data | model <- analysis <- application. */
const layers = [
  { sourceTag: 'layer:contracts', onlyDependOnLibsWithTags: ['layer:contracts'] },
  { sourceTag: 'layer:data', onlyDependOnLibsWithTags: ['layer:contracts', 'layer:data'] },
  { sourceTag: 'layer:model', onlyDependOnLibsWithTags: ['layer:contracts', 'layer:model'] },
  { sourceTag: 'layer:analysis', onlyDependOnLibsWithTags: ['layer:contracts', 'layer:model', 'layer:analysis'] },
  {
    sourceTag: 'layer:application',
    onlyDependOnLibsWithTags: ['layer:contracts', 'layer:data', 'layer:model', 'layer:analysis', 'layer:application'],
  },
  { sourceTag: 'layer:tools', onlyDependOnLibsWithTags: ['*'] },
  { sourceTag: 'only:compute', bannedExternalImports: [] },
];

const promiseFlattening = ['concatMap', 'mergeMap', 'switchMap', 'exhaustMap', 'flatMap', 'shareReplay'];

export default tseslint.config(
  { ignores: ['**/dist', '**/dist-spec', '**/coverage', '.nx', '**/node_modules', '**/*.d.ts', '**/.vitest-results'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx', '**/*.mts'],
    plugins: { '@nx': nx },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { args: 'none' }],
      '@nx/enforce-module-boundaries': [
        'error',
        { enforceBuildableLibDependency: true, allow: ['^.*/vitest\\.(base|webgpu)\\.ts$'], depConstraints: layers },
      ],
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['**/*.test.ts', 'packages/pipelines/src/cli/**', 'packages/explorer/**'],
    rules: { 'no-console': 'error' },
  },
  {
    // RxJS flattening over promises queues items without bound; dataflow's mapAsync is the bounded way.
    files: ['packages/*/src/**/*.ts'],
    ignores: ['packages/dataflow/**', 'packages/compute/**', '**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [{ name: 'rxjs', importNames: promiseFlattening, message: 'Use mapAsync or fromPull from @salmon-sae/dataflow.' }],
          patterns: [
            { group: ['@tensorflow/*'], message: 'Only compute touches TensorFlow; take `tf` from @salmon-sae/compute.' },
            { group: ['parquetjs-lite'], message: 'Use @salmon-sae/dataflow/parquet.' },
          ],
        },
      ],
    },
  },
  {
    files: ['**/package.json'],
    languageOptions: { parser: jsoncParser },
    plugins: { '@nx': nx },
    rules: {
      '@nx/dependency-checks': [
        'error',
        {
          ignoredFiles: [
            '{projectRoot}/vitest.config.ts',
            '{projectRoot}/**/*.test.ts',
            '{projectRoot}/test/**',
            '{projectRoot}/vite.config.ts',
          ],
        },
      ],
    },
  },
);

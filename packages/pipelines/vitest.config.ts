import { defineConfig } from 'vitest/config';
import { withWebGpu } from '../../vitest.webgpu.ts';

export default defineConfig(withWebGpu({ name: '@salmon-sae/pipelines', root: import.meta.dirname, include: ['src/webgpu/**/*.test.ts'] }));

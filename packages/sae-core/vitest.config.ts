import { defineConfig } from 'vitest/config';
import { withWebGpu } from '../../vitest.webgpu.ts';

export default defineConfig(withWebGpu({ name: '@salmon-sae/sae-core', root: import.meta.dirname, include: ['src/train/golden.test.ts', 'src/inference/**/*.test.ts'] }));

import { defineConfig } from 'vitest/config';
import { withWebGpu } from '../../vitest.webgpu.ts';

export default defineConfig(withWebGpu({ name: '@salmon-sae/metrics', root: import.meta.dirname, include: ['src/reconstruction/*.test.ts', 'src/dark-matter/*.test.ts', 'src/peers/*.test.ts', 'src/loss/*.test.ts'] }));

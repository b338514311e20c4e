import { defineConfig } from 'vitest/config';
import { withWebGpu } from '../../vitest.webgpu.ts';

export default defineConfig(withWebGpu({ name: '@salmon-sae/activations', root: import.meta.dirname, include: ['src/model/parity.test.ts'] }));

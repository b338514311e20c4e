import { defineConfig } from 'vitest/config';
import { withWebGpu } from '../../vitest.webgpu.ts';

export default defineConfig(withWebGpu({ name: '@salmon-sae/compute', root: import.meta.dirname, include: ['src/sparse/sparse-ops.test.ts', 'src/tensors/tensors.test.ts', 'src/optim/adam.test.ts', 'src/webgpu/**/*.test.ts'], without: ['test/no-adapter.test.ts'] }));

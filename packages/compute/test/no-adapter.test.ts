import { expect, it } from 'vitest';
import { useBackend } from '../src/index.js';

it('WebGPU finds neither a GPU nor SwiftShader here, so its golden tests do not run: the user is told what is missing', async () => {
  await expect(useBackend()).rejects.toThrow(/finds no graphics adapter.*Vulkan, Metal or D3D12 driver/);
});

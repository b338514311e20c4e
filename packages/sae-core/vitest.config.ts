import { defineConfig } from 'vitest/config';
import { baseVitest } from '../../vitest.base.ts';

export default defineConfig(baseVitest('@salmon-sae/sae-core', import.meta.dirname));

import { defineConfig } from 'vitest/config';
import { baseVitest } from '../../vitest.base.ts';

export default defineConfig(baseVitest('@salmon-sae/autointerp', import.meta.dirname));

import { defineConfig } from 'vitest/config';
import { baseVitest } from '../../vitest.base.ts';

const base = baseVitest('@salmon-sae/explorer', import.meta.dirname);

// Vitest hands these conditions to Node itself, and Node cannot run what @opentelemetry/api (of autointerp's `ai`) offers bundlers as "module".
const conditions = base.ssr?.resolve?.conditions?.filter((condition) => condition !== 'module') ?? [];

export default defineConfig({ ...base, ssr: { resolve: { conditions } } });

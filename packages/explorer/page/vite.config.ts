import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defineConfig } from 'vite';
import type { Plugin } from 'vite';
import { sourceHash } from '../src/server/source-hash.ts';

const root = join(import.meta.dirname, '..');
const out = join(root, 'dist', 'page');

/** Leaves the hash of the sources beside the build, so that the server knows when it is stale. */
function stamp(): Plugin {
  return {
    name: 'source-hash',
    closeBundle: async () => writeFile(join(out, '.source-hash'), (await sourceHash(root)) ?? ''),
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  publicDir: false,
  cacheDir: join(root, 'node_modules', '.vite-page'),
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [stamp()],
  build: {
    outDir: out,
    emptyOutDir: true,
    modulePreload: false,
    // Inlined assets would be data: URLs in styles; everything stays a file of the site.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: join(import.meta.dirname, 'index.html'), rating: join(import.meta.dirname, 'rating.html') },
    },
  },
});

import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { defineConfig } from 'vite';
import type { Plugin } from 'vite';

const out = join(import.meta.dirname, '..', 'dist', 'page');

/** Leaves the hash of the sources beside the build, so that the server knows when it is stale (see src/server/page-files.ts). */
function stamp(): Plugin {
  return {
    name: 'source-hash',
    closeBundle: async () => {
      const entries = await readdir(import.meta.dirname, { recursive: true, withFileTypes: true });
      const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      const hash = createHash('sha256').update(await readFile(join(import.meta.dirname, '..', 'src', 'wire.ts')));
      for (const path of paths.sort()) hash.update(relative(import.meta.dirname, path)).update(await readFile(path));
      await writeFile(join(out, '.source-hash'), hash.digest('hex'));
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  publicDir: false,
  cacheDir: join(import.meta.dirname, '..', 'node_modules', '.vite-page'),
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [stamp()],
  build: {
    outDir: out,
    emptyOutDir: true,
    modulePreload: false,
    // Inlined assets would be data: URLs in styles; everything stays a file of the site.
    assetsInlineLimit: 0,
    rollupOptions: {
      input: { index: join(import.meta.dirname, 'index.html'), rating: join(import.meta.dirname, 'rating.html') },
    },
  },
});

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SalmonError } from '@salmon-sae/dataflow';

/** Folder of the bundled language model: `datasets/minnow` beside or above this package. */
export function bundledModel(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, 'datasets', 'minnow');
    if (existsSync(join(candidate, 'config.json'))) return candidate;
    if (dirname(folder) === folder) break;
  }
  throw new SalmonError('missing-file', {
    what: 'The bundled language model is not beside this installation',
    expected: 'a folder datasets/minnow with config.json',
    todo: 'Run from a checkout of the project, or give a configuration whose model.source is a model folder',
  });
}

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SalmonError } from '@salmon-sae/dataflow';

/**
 * Folder of the bundled language model: `datasets/minnow` in a folder above the given one. In a checkout that is the project's own; the published
 * package carries a copy of `datasets` in its `dist`. Throws `missing-file`.
 */
export function bundledModel(from: string = dirname(fileURLToPath(import.meta.url))): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'datasets', 'minnow');
    if (existsSync(join(candidate, 'config.json'))) return candidate;
    if (dirname(folder) === folder) break;
  }
  throw new SalmonError('missing-file', {
    what: 'The bundled language model is not beside this installation',
    expected: 'a folder datasets/minnow with config.json',
    todo: 'Install the package again, run from a checkout of the project, or give a configuration whose model.source is a model folder',
  });
}

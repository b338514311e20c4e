import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hashFile, SalmonError } from '@salmon-sae/dataflow';
import { z } from 'zod';
import { bundledModel } from './bundled-model.js';

const manifestSchema = z.object({
  name: z.string(),
  parts: z.record(z.string(), z.object({ file: z.string(), sha256: z.string() })).optional(),
});

/** Makes sure that every file the manifests in `datasets/` list is in the folder; another hash is used with a notice. */
export async function checkData(folder: string | undefined, notice: (text: string) => void): Promise<void> {
  if (folder === undefined) {
    throw new SalmonError('usage', {
      what: 'This configuration reads corpora that are not part of the project',
      expected: 'their folder by --data or SALMON_DATA',
      todo: 'datasets/README.md says where each corpus is from',
    });
  }
  for (const { name, file, sha256 } of listedFiles()) {
    const path = join(folder, file);
    if (!existsSync(path)) {
      throw new SalmonError('missing-file', { what: `The corpus ${name} is not in the data folder`, where: path, todo: `datasets/${name}/manifest.json says how to obtain it` });
    }
    if ((await hashFile(path)) !== sha256) notice(`${file} is not the version that datasets/${name}/manifest.json describes; results will differ.`);
  }
}

function listedFiles(): readonly { readonly name: string; readonly file: string; readonly sha256: string }[] {
  const root = dirname(bundledModel());
  return readdirSync(root).flatMap((name) => {
    const path = join(root, name, 'manifest.json');
    if (!existsSync(path)) return [];
    const manifest = manifestSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    return Object.values(manifest.parts ?? {}).map(({ file, sha256 }) => ({ name, file, sha256 }));
  });
}

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { contentHash, hashFile } from '@salmon-sae/dataflow';

/** What determines a model's outputs; other files of a folder (README, examples) do not count. */
const DETERMINING = /^(config\.json|tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json|model.*\.safetensors|model\.safetensors\.index\.json)$/;

/** Hash of config, weights and tokenizer files of a model folder. */
export async function modelHash(folder: string): Promise<string> {
  const files: Record<string, string> = {};
  for (const name of (await readdir(folder)).sort()) {
    if (DETERMINING.test(name)) files[name] = await hashFile(join(folder, name));
  }
  return contentHash(files);
}

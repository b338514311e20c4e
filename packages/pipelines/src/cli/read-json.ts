import { readFile } from 'node:fs/promises';
import { SalmonError } from '@salmon-sae/dataflow';

/** Reads a JSON configuration, or says what is wrong with the file. */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new SalmonError('missing-file', { what: 'The configuration cannot be read', where: path, todo: 'Check the path' }, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SalmonError('bad-config', { what: 'The configuration is not valid JSON', where: path, got: cause instanceof Error ? cause.message : 'unreadable text' }, { cause });
  }
}

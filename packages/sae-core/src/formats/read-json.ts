import { readFile, stat } from 'node:fs/promises';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Json } from '@salmon-sae/dataflow';

/** A configuration file; a larger one is something else. */
const MAX_BYTES = 16 << 20;

/**
 * Reads a JSON object from a file.
 * @throws SalmonError `missing-file`, or `bad-file` when it is too large, not JSON or not an object.
 */
export async function readJsonObject(path: string): Promise<Readonly<Record<string, Json>>> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) throw new SalmonError('bad-file', { what: 'Configuration file is too large', where: path, expected: `at most ${MAX_BYTES} bytes`, got: `${size} bytes` });
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof SalmonError) throw cause;
    throw new SalmonError('missing-file', { what: 'Configuration file cannot be read', where: path, todo: 'Check the path' }, { cause });
  }
  return parseJsonObject(text, path);
}

/** Deeper nesting would overflow the stack of whoever walks the value. */
const MAX_DEPTH = 64;

export function parseJsonObject(text: string, where: string): Readonly<Record<string, Json>> {
  let json: unknown;
  const depth = nesting(text);
  if (depth > MAX_DEPTH) throw new SalmonError('bad-file', { what: 'Configuration is nested too deeply', where, expected: `at most ${MAX_DEPTH} levels`, got: `${depth} levels` });
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new SalmonError('bad-file', { what: 'Configuration is not valid JSON', where, expected: 'a JSON object', got }, { cause });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new SalmonError('bad-file', { what: 'Configuration is not a JSON object', where, expected: 'an object', got: Array.isArray(json) ? 'an array' : String(json) });
  }
  return json as Readonly<Record<string, Json>>;
}

/** Deepest nesting of brackets outside strings. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted && c === '\\') i += 1;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && (c === '[' || c === '{')) deepest = Math.max(deepest, ++depth);
    else if (!quoted && (c === ']' || c === '}')) depth -= 1;
  }
  return deepest;
}

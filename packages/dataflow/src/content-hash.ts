import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { SalmonError } from './errors.js';
import { asFileError } from './file-error.js';

/**
 * SHA-256 (hex) of a value's canonical JSON: keys sorted, no white space, members that are undefined left out, so that equal
 * configurations hash alike however they were written. Throws `bad-config` for what JSON cannot say (NaN, functions, cycles).
 */
export function contentHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** The JSON text that `contentHash` hashes. */
export function canonicalJson(value: unknown): string {
  return write(value, '$', []);
}

/** SHA-256 (hex) of a file, read in pieces. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  } catch (error) {
    throw asFileError(error, path, 'read');
  }
  return hash.digest('hex');
}

function write(value: unknown, where: string, above: readonly object[]): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (typeof value === 'object' && !above.includes(value)) {
    const path = [...above, value];
    if (Array.isArray(value)) return `[${value.map((item, i) => write(item, `${where}[${i}]`, path)).join(',')}]`;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      const members = Object.entries(value).filter(([, member]) => member !== undefined);
      members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${write(member, `${where}.${key}`, path)}`).join(',')}}`;
    }
  }
  throw new SalmonError('bad-config', {
    what: 'A value cannot be hashed',
    where,
    expected: 'plain JSON: null, booleans, finite numbers, strings, arrays and plain objects, without cycles',
    got: typeof value === 'object' ? `a ${value?.constructor.name ?? 'value'} (or a cycle)` : `${typeof value} ${String(value)}`,
  });
}

import { SalmonError } from '../errors.js';

/** A repository on the hub, a revision of it and a folder or file inside. */
export interface HubSpec {
  readonly type: 'model' | 'dataset';
  readonly name: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Without slashes at its ends; empty for the whole repository. */
  readonly path: string;
}

/** Whether a source names a hub repository rather than a local path. */
export function isHubSpec(source: string): boolean {
  return source.startsWith('hf:');
}

/**
 * Reads `hf:[datasets/]org/name[@revision][/path]`; a revision with slashes in it is written with `%2F`.
 * Throws `usage`.
 */
export function parseHubSpec(source: string): HubSpec {
  const match = /^hf:(datasets\/)?([\w.-]+\/[\w.-]+)(?:@([\w.%-]+))?(?:\/(.*))?$/.exec(source);
  const path = (match?.[4] ?? '').replace(/\/+$/, '');
  const revision = decode(match?.[3] ?? 'main');
  const climbs = path.split('/').includes('..') || revision?.split('/').includes('..') === true;
  if (match === null || climbs || revision === undefined || path.includes('\\') || path.includes('\0')) {
    throw new SalmonError('usage', {
      what: 'This is not the name of a hub repository',
      expected: 'hf:org/name, hf:org/name@revision or hf:org/name@revision/folder (hf:datasets/org/name for data sets)',
      got: source,
    });
  }
  return { type: match[1] === undefined ? 'model' : 'dataset', name: match[2] as string, revision, path };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

import type { TermKey } from './definitions.js';
import type { SortKey } from './feature-table.js';

/** A column of the feature table; its key is also the name of its definition. */
export interface Column {
  readonly key: SortKey & TermKey;
  readonly label: string;
  readonly numeric?: boolean;
}

export const COLUMNS: readonly Column[] = [
  { key: 'arm', label: 'Arm' },
  { key: 'latent', label: 'Latent', numeric: true },
  { key: 'text', label: 'Fires on' },
  { key: 'token', label: 'Top token' },
  { key: 'density', label: 'Density', numeric: true },
  { key: 'domain', label: 'Domain share', numeric: true },
  { key: 'max', label: 'Max', numeric: true },
  { key: 'score', label: 'Detection', numeric: true },
  { key: 'near', label: 'Nearest', numeric: true },
];

export function isSortKey(key: string): key is SortKey {
  return COLUMNS.some((column) => column.key === key);
}

/** Texts start from the top of the alphabet, numbers with the largest. */
export function firstDirection(key: SortKey): 'up' | 'down' {
  return key === 'text' || key === 'token' || key === 'arm' || key === 'latent' ? 'up' : 'down';
}

import { SalmonError } from '@salmon-sae/dataflow';
import type { SaeState } from '@salmon-sae/dataflow';
import { writeGemmaScope } from './gemma-scope.js';
import { isSaeLensKind } from './saelens-config.js';
import { writeSaeLens } from './saelens-write.js';
import type { WriteOptions } from './saelens-write.js';
import { writeSparsify } from './sparsify.js';

/** The layouts that can be written. */
export const WRITABLE_FORMATS = ['saelens', 'gemmascope', 'sparsify', 'salmon'] as const;

export type WritableFormat = (typeof WRITABLE_FORMATS)[number];

export interface SaveOptions extends WriteOptions {
  /** Default: saelens, and salmon (the same layout) for kinds that SAELens does not have. */
  readonly format?: WritableFormat;
}

/**
 * Writes an SAE to a folder, whole or not at all; an existing SAE there is replaced.
 * @throws SalmonError `unsupported` when the format cannot say what the SAE does.
 */
export async function saveSae(state: SaeState, folder: string, options: SaveOptions = {}): Promise<void> {
  const { format = isSaeLensKind(state.config.kind) ? 'saelens' : 'salmon', ...rest } = options;
  if (format === 'saelens') return writeSaeLens(state, folder, rest);
  if (format === 'salmon') return writeSaeLens(state, folder, { ...rest, anyKind: true });
  if (format === 'sparsify') return writeSparsify(state, folder, rest);
  if (format === 'gemmascope') {
    if (rest.dtype !== undefined && rest.dtype !== 'F32') throw new SalmonError('unsupported', { what: 'Gemma Scope files hold float32', where: folder, expected: 'F32', got: rest.dtype });
    return writeGemmaScope(state, folder);
  }
  throw new SalmonError('bad-config', { what: 'Unknown format', where: 'saveSae', expected: WRITABLE_FORMATS.join(', '), got: String(format) });
}

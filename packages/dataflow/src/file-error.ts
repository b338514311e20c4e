import { isSalmonError, SalmonError } from './errors.js';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const DENIED = new Set(['EACCES', 'EPERM', 'EROFS']);

/** Turns a failed file operation into a `SalmonError`; one that is a `SalmonError` already stays as it is. */
export function asFileError(error: unknown, path: string, action: 'read' | 'write'): Error {
  if (isSalmonError(error)) return error;
  const code = systemCode(error);
  const got = error instanceof Error ? error.message : String(error);
  if (code !== undefined && FULL.has(code)) {
    return new SalmonError(
      'no-space',
      {
        what: 'There is no room left to write to',
        where: path,
        got,
        todo: 'Free space on this disk (or raise the quota or file size limit), or choose a folder on another disk, and run again: nothing half-written was left behind',
      },
      { cause: error },
    );
  }
  if (code === 'ENOENT') {
    return new SalmonError('missing-file', { what: 'There is no such file or folder', where: path, got, todo: 'Check the path' }, { cause: error });
  }
  if (code !== undefined && DENIED.has(code)) {
    return new SalmonError('bad-file', { what: `Not allowed to ${action} here`, where: path, got, todo: 'Check who owns it and its permissions' }, { cause: error });
  }
  if (code === undefined && error instanceof Error) return error;
  return new SalmonError('bad-file', { what: `Could not ${action} it`, where: path, got }, { cause: error });
}

function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

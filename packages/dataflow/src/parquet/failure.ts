import { SalmonError } from '../errors.js';
import { asFileError } from '../file-error.js';

/** parquetjs-lite throws strings, and bare errors for damaged bytes; file system errors keep their meaning. */
export function parquetFailure(error: unknown, path: string, action: 'read' | 'write'): Error {
  const known = asFileError(error instanceof Error ? error : new Error(String(error)), path, action);
  if (known.name === 'SalmonError') return known;
  const got = known.message;
  if (action === 'write') {
    return new SalmonError('bad-shape', { what: 'A row could not be written to a Parquet file', where: path, got }, { cause: error });
  }
  const version = got.includes('parquet version') || got.includes('invalid encoding') || got.includes('compression');
  return new SalmonError(
    'bad-file',
    {
      what: version ? 'This Parquet file was written by something else' : 'This is not a whole Parquet file',
      where: path,
      expected: 'a file written by this package, closed properly',
      got,
      todo: version ? 'Read it with readForeignParquet' : 'It was cut off or damaged: make it again',
    },
    { cause: error },
  );
}

import { createReadStream } from 'node:fs';
import { asFileError, SalmonError } from '@salmon-sae/dataflow';

/** One line of a text file; `number` counts from 1. */
export interface Line {
  readonly number: number;
  readonly text: string;
}

const LINE_LIMIT = 256 * 1024 * 1024;

/**
 * Lines of a UTF-8 file, without their ends (LF or CRLF); a byte order mark at the start is dropped. Holds one line.
 *
 * Throws `missing-file`, and `bad-file` with the line number for bytes that are not UTF-8.
 */
export async function* readLines(path: string, signal?: AbortSignal): AsyncGenerator<Line, void, undefined> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let number = 0;
  const finish = (last: Buffer): Line => {
    const bytes = held.length === 0 ? last : Buffer.concat([...held, last]);
    held = [];
    heldBytes = 0;
    number++;
    return { number, text: decodeUtf8(bytes, `${path}, line ${number}`, number === 1) };
  };
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18, ...(signal === undefined ? {} : { signal }) })) {
      const bytes = chunk as Buffer;
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        yield finish(bytes.subarray(start, end));
        start = end + 1;
      }
      if (start < bytes.length) {
        held.push(bytes.subarray(start));
        heldBytes += bytes.length - start;
      }
      if (heldBytes > LINE_LIMIT) {
        throw new SalmonError('bad-file', { what: 'A line is too long', where: `${path}, line ${number + 1}`, expected: `less than ${LINE_LIMIT} bytes`, todo: 'Check that this is a file of lines' });
      }
    }
    if (heldBytes > 0) yield finish(Buffer.alloc(0));
  } catch (error) {
    if (signal?.aborted === true) return;
    throw asFileError(error, path, 'read');
  }
}

/** Text of UTF-8 bytes without a trailing CR; throws `bad-file` for anything else. */
export function decodeUtf8(bytes: Uint8Array, where: string, dropMark: boolean): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new SalmonError('bad-file', { what: 'These bytes are not UTF-8 text', where, todo: 'Convert the file to UTF-8' }, { cause: error });
  }
  if (dropMark && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}

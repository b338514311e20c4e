import { SalmonError } from '../errors.js';
import { KNOWN_DTYPES, dtypeBytes, isSafetensorsDtype } from './dtype.js';
import type { SafetensorsDtype } from './dtype.js';

export interface TensorInfo {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
}

/** Where a tensor's bytes lie, counted from the first byte after the header. */
export interface TensorEntry extends TensorInfo {
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit on the JSON header: 100 MB. */
export const MAX_HEADER_BYTES = 100_000_000;

/**
 * Checks the eight-byte length that a safetensors file starts with, before anything of that size is allocated.
 * @throws SalmonError `bad-file` when the header cannot lie inside the file.
 */
export function headerLength(first8: Uint8Array, fileBytes: number, where: string): number {
  if (first8.byteLength < 8 || fileBytes < 8) {
    throw bad(where, 'File is too short to be safetensors', 'at least 8 bytes', `${fileBytes} bytes`);
  }
  const view = new DataView(first8.buffer, first8.byteOffset, 8);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw bad(where, 'Header is longer than the format allows', `at most ${MAX_HEADER_BYTES} bytes`, `${length} bytes`);
  }
  if (length > BigInt(fileBytes - 8)) {
    throw bad(where, 'Header reaches beyond the file', `at most ${fileBytes - 8} bytes after the length field`, `${length} bytes`);
  }
  return Number(length);
}

/**
 * Parses and checks a safetensors header (the JSON text, without its length field).
 * Pure; memory is proportional to the header. Every tensor must have a known dtype and a byte range that equals
 * shape x dtype, and the ranges together must cover the `dataBytes` after the header exactly once.
 * @throws SalmonError `bad-file` naming the tensor and both sizes.
 */
export function parseSafetensorsHeader(header: Uint8Array, dataBytes: number, where = 'safetensors header'): SafetensorsHeader {
  const json = parseJson(header, where);
  const tensors = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') metadata = parseMetadata(value, where);
    else tensors.set(name, parseEntry(name, value, where));
  }
  checkCoverage(tensors, dataBytes, where);
  return { tensors, metadata };
}

function parseJson(header: Uint8Array, where: string): object {
  let text: string;
  let json: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
    json = JSON.parse(text);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new SalmonError(
      'bad-file',
      { what: 'Header is not valid JSON', where, expected: 'one JSON object in UTF-8', got: detail, todo: again },
      { cause },
    );
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json) || !text.startsWith('{')) {
    throw bad(where, 'Header is not a JSON object', 'text that starts with {', describe(json));
  }
  // JSON.parse keeps the last of several equal keys without a word, so the keys are counted in the text itself.
  const twice = repeatedKey(text);
  if (twice !== undefined) throw bad(where, `Tensor "${clip(twice)}" is listed twice`, 'every name once', 'a repeated name');
  return json;
}

/** The first top-level key that occurs again in a JSON object's text (known to be valid). */
function repeatedKey(text: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  let expectsKey = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      const start = i;
      for (i++; text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
      if (depth === 1 && expectsKey) {
        const key = JSON.parse(text.slice(start, i + 1)) as string;
        if (seen.has(key)) return key;
        seen.add(key);
        expectsKey = false;
      }
    } else if (c === 0x7b || c === 0x5b) {
      depth += 1;
      if (depth === 1) expectsKey = true;
    } else if (c === 0x7d || c === 0x5d) depth -= 1;
    else if (c === 0x2c && depth === 1) expectsKey = true;
  }
  return undefined;
}

function parseMetadata(value: unknown, where: string): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null) as Record<string, string>;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad(where, '__metadata__ is not an object', 'an object of strings', describe(value));
  }
  for (const [key, entry] of Object.entries(value)) {
    if (typeof entry !== 'string') throw bad(where, `__metadata__.${clip(key)} is not a string`, 'a string', describe(entry));
    metadata[key] = entry;
  }
  return metadata;
}

function parseEntry(name: string, value: unknown, where: string): TensorEntry {
  const label = `Tensor "${clip(name)}"`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad(where, `${label} has no description`, 'an object with dtype, shape and data_offsets', describe(value));
  }
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  for (const key of Object.keys(value)) {
    if (key !== 'dtype' && key !== 'shape' && key !== 'data_offsets') {
      throw bad(where, `${label} has an unknown field`, 'dtype, shape and data_offsets', clip(key));
    }
  }
  if (!isSafetensorsDtype(dtype)) {
    throw bad(where, `${label} has an unknown dtype`, `one of ${KNOWN_DTYPES.join(', ')}`, describe(dtype));
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw bad(where, `${label} has a malformed shape`, 'an array of whole numbers >= 0', describe(shape));
  }
  const [begin, end] = Array.isArray(offsets) && offsets.length === 2 ? (offsets as unknown[]) : [];
  if (!isCount(begin) || !isCount(end) || begin > end) {
    throw bad(where, `${label} has malformed data_offsets`, '[begin, end] with 0 <= begin <= end', describe(offsets));
  }
  const bytes = product(shape) * dtypeBytes(dtype);
  if (bytes !== end - begin) {
    throw bad(where, `${label} does not fill its byte range`, `${bytes} bytes for ${dtype} [${shape.join(', ')}]`, `${end - begin} bytes`);
  }
  return { dtype, shape, begin, end };
}

function checkCoverage(tensors: ReadonlyMap<string, TensorEntry>, dataBytes: number, where: string): void {
  const ordered = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  let previous = '';
  for (const [name, { begin, end }] of ordered) {
    if (begin !== covered) {
      const what =
        begin < covered
          ? `Tensors "${clip(previous)}" and "${clip(name)}" overlap`
          : `Bytes before tensor "${clip(name)}" belong to no tensor`;
      throw bad(where, what, `a tensor that begins at byte ${covered}`, `begin ${begin}`);
    }
    if (end > dataBytes) {
      throw bad(where, `Tensor "${clip(name)}" reaches beyond the file`, `an end of at most ${dataBytes} bytes`, `end ${end}`);
    }
    covered = end;
    previous = name;
  }
  if (covered !== dataBytes) {
    throw bad(where, 'The file is longer than its tensors', `${covered} bytes of data`, `${dataBytes} bytes`);
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Number of elements; beyond 2^53 it is no longer exact, but then no byte range can equal it either. */
export function product(shape: readonly number[]): number {
  let n = 1;
  for (const size of shape) n *= size;
  return n;
}

const again = 'Download or convert the file again';

function bad(where: string, what: string, expected: string, got: string): SalmonError {
  return new SalmonError('bad-file', { what, where, expected, got, todo: again });
}

/** Shallow, because a hostile header may be nested deeper than the stack. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return clip(`[${value.slice(0, 16).map((entry) => (typeof entry === 'object' ? '{...}' : String(entry))).join(', ')}]`);
  return typeof value === 'object' && value !== null ? 'an object' : clip(JSON.stringify(value));
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

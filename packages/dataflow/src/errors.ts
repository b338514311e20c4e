/** What went wrong, in terms a program can branch on. */
export type ErrorCode =
  | 'bad-config'
  | 'bad-file'
  | 'bad-shape'
  | 'cancelled'
  | 'conflict'
  | 'diverged'
  | 'engine'
  | 'missing-file'
  | 'network'
  | 'no-data'
  | 'no-space'
  | 'unknown-architecture'
  | 'unknown-hook'
  | 'unsupported'
  | 'usage';

export interface ErrorParts {
  /** What happened, one sentence without the final stop. */
  readonly what: string;
  /** The file, field, tensor or command concerned. */
  readonly where?: string;
  readonly expected?: string;
  readonly got?: string;
  /** What the reader can do about it. */
  readonly todo?: string;
}

/** The one error of this project: its message is a paragraph a person can act on. */
export class SalmonError extends Error {
  readonly code: ErrorCode;
  readonly parts: ErrorParts;

  constructor(code: ErrorCode, parts: ErrorParts, options?: { readonly cause?: unknown }) {
    super(paragraph(parts), options);
    this.name = 'SalmonError';
    this.code = code;
    this.parts = parts;
  }
}

/** Name-based, because two copies of this package may be installed side by side. */
export function isSalmonError(error: unknown): error is SalmonError {
  return error instanceof Error && error.name === 'SalmonError' && 'code' in error;
}

function paragraph(parts: ErrorParts): string {
  const at = parts.where === undefined ? '' : ` (${parts.where})`;
  const sentences = [`${parts.what}${at}`];
  if (parts.expected !== undefined) sentences.push(`Expected ${parts.expected}`);
  if (parts.got !== undefined) sentences.push(`Got ${parts.got}`);
  if (parts.todo !== undefined) sentences.push(parts.todo);
  // A message passed on from elsewhere may bring its full stop.
  return sentences.map((sentence) => (sentence.endsWith('.') ? sentence : `${sentence}.`)).join(' ');
}

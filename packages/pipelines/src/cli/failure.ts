import { isSalmonError } from '@salmon-sae/dataflow';

/** Prints an error as one paragraph on stderr (the stack only with --debug) and returns the exit code it deserves. */
export function reportFailure(error: unknown, debug: boolean): number {
  if (isSalmonError(error)) {
    process.stderr.write(`salmon: ${error.message}\n`);
    if (debug) process.stderr.write(`${error.stack ?? ''}\n${causes(error)}`);
    if (error.code === 'cancelled') return 130;
    return error.code === 'usage' || error.code === 'bad-config' ? 2 : 1;
  }
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`salmon: unexpected error: ${message}. Run again with --debug for the stack and please report it.\n`);
  if (debug && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n${causes(error)}`);
  return 1;
}

function causes(error: Error): string {
  const lines: string[] = [];
  for (let cause = error.cause; cause !== undefined; cause = cause instanceof Error ? cause.cause : undefined) {
    lines.push(`caused by: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`);
  }
  return lines.join('');
}

/**
 * Ctrl-C: the first asks the work to stop at its next safe point (checkpoints are written, finished parts stay), the
 * second ends the process at once.
 */
export function onInterrupt(say: (text: string) => void): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    say('Stopping at the next safe point (Ctrl-C again to stop at once) …');
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}

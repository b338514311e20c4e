import { stripVTControlCharacters } from 'node:util';
import { vi } from 'vitest';
import { runCommand } from '../src/cli/run-command.js';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process, which spares loading everything again: what it printed, without colours, and its exit code. */
export async function salmon(...args: readonly string[]): Promise<Outcome> {
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      printed[name] += stripVTControlCharacters(String(chunk));
      return true;
    }),
  );
  process.exitCode = 0;
  try {
    await runCommand(args);
    return { code: Number(process.exitCode), ...printed };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = 0;
  }
}

import { spawn } from 'node:child_process';
import process from 'node:process';

export interface CommandResult {
  /** Exit status; 127 where the program does not exist, 124 where it ran out of time. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Runs a program without a shell and collects its output (the last 64 KiB of each stream). */
export function runCommand(program: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(program, [...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    let stdout = '';
    let stderr = '';
    let late = false;
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            late = true;
            child.kill('SIGKILL');
          }, options.timeoutMs);
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout = (stdout + text).slice(-65536)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-65536)));
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve({ status: error.code === 'ENOENT' ? 127 : 126, stdout, stderr: error.message });
    });
    child.once('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status: late ? 124 : (status ?? (signal === null ? 1 : 128)), stdout, stderr });
    });
  });
}

/** The last lines of a program's complaint, for an error message. */
export function lastLines(text: string, lines = 3): string {
  return text.trim().split('\n').slice(-lines).join(' | ').slice(0, 600);
}

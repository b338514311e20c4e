import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { extname } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { SalmonError } from '@salmon-sae/dataflow';
import type { ActivationBatch, LanguageModelInfo } from '@salmon-sae/dataflow';
import { Observable } from 'rxjs';
import type { Subscriber } from 'rxjs';
import { revived } from './harvest-messages.js';
import type { HarvestReply, HarvestRequest } from './harvest-messages.js';
import type { TextData } from './text-tokens.js';

export interface HarvestProcessOptions {
  /** Threads of the harvest; default: as in this process. */
  readonly threads?: number;
  /** Batches that may lie between the processes; the harvest waits beyond. Default 4. */
  readonly window?: number;
}

/**
 * A language model in a process of its own, which harvests while this process trains. The activations are those that `harvest` gives here,
 * bit for bit, in the same order. The process ends with `dispose`, and with this process, however it ends.
 */
export class HarvestProcess {
  readonly info: LanguageModelInfo;
  readonly #child: ChildProcess;
  #runs = 0;
  #subscriber: Subscriber<ActivationBatch> | undefined;
  #failure: SalmonError | undefined;

  private constructor(child: ChildProcess, info: LanguageModelInfo) {
    this.#child = child;
    this.info = info;
    child.on('message', (reply: HarvestReply) => this.#take(reply));
    child.on('exit', (code, signal) => this.#fail(ended(code, signal)));
    if (child.exitCode !== null || child.signalCode !== null) this.#fail(ended(child.exitCode, child.signalCode));
  }

  /** Starts the process and waits until its model is loaded; what fails there is thrown here, with its code. */
  static async start(data: TextData, options: HarvestProcessOptions = {}): Promise<HarvestProcess> {
    const main = fileURLToPath(new URL(`./harvest-main${extname(fileURLToPath(import.meta.url))}`, import.meta.url));
    const threads = options.threads === undefined ? {} : { SALMON_THREADS: String(options.threads) };
    // Typed arrays need the advanced serialization; what the process prints goes to stderr, because stdout may be a command's result.
    const child = fork(main, [], { serialization: 'advanced', stdio: ['ignore', 2, 2, 'ipc'], env: { ...process.env, ...threads } });
    try {
      const info = await new Promise<LanguageModelInfo>((resolve, reject) => {
        child.once('error', (cause) => reject(new SalmonError('engine', { what: 'The harvest process could not be started', where: main, got: cause.message }, { cause })));
        child.once('exit', (code, signal) => reject(ended(code, signal)));
        child.once('message', (reply: HarvestReply) => {
          if (reply.kind === 'ready') resolve(reply.info);
          else reject(reply.kind === 'failed' ? revived(reply) : new SalmonError('engine', { what: 'The harvest process spoke out of turn', got: reply.kind }));
        });
        child.send({ kind: 'open', data, window: options.window ?? 4 } satisfies HarvestRequest);
      });
      child.removeAllListeners();
      return new HarvestProcess(child, info);
    } catch (error) {
      child.removeAllListeners();
      child.kill('SIGKILL');
      throw error;
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The whole stream from its first batch, one subscription at a time. */
  rows(): Observable<ActivationBatch> {
    return new Observable((subscriber) => {
      if (this.#failure !== undefined) {
        subscriber.error(this.#failure);
        return undefined;
      }
      if (this.#subscriber !== undefined) {
        subscriber.error(new SalmonError('conflict', { what: 'A harvest process serves one stream at a time' }));
        return undefined;
      }
      const run = ++this.#runs;
      this.#subscriber = subscriber;
      this.#send({ kind: 'run', run });
      return () => {
        if (this.#subscriber !== subscriber) return;
        this.#subscriber = undefined;
        this.#send({ kind: 'stop', run });
      };
    });
  }

  dispose(): void {
    this.#failure ??= new SalmonError('conflict', { what: 'The harvest process was disposed' });
    this.#child.removeAllListeners();
    // It holds nothing that would have to be written.
    this.#child.kill('SIGKILL');
  }

  #take(reply: HarvestReply): void {
    if (reply.kind === 'failed') this.#fail(revived(reply));
    // A late message of a stream that was stopped counts for nothing.
    if (!('run' in reply) || reply.run !== this.#runs || this.#subscriber === undefined) return;
    if (reply.kind === 'batch') {
      this.#subscriber.next(reply.batch);
      // In a later turn of the event loop: else small batches would follow one another from the pipe for minutes where training is slow, and
      // Ctrl-C and the writing of checkpoints would have to wait.
      setImmediate(() => this.#send({ kind: 'more', run: reply.run }));
    } else {
      const subscriber = this.#subscriber;
      this.#subscriber = undefined;
      subscriber.complete();
    }
  }

  #fail(error: SalmonError): void {
    this.#failure ??= error;
    const subscriber = this.#subscriber;
    this.#subscriber = undefined;
    subscriber?.error(error);
  }

  #send(request: HarvestRequest): void {
    // A process that is gone is reported by its exit.
    if (this.#child.connected) this.#child.send(request, () => undefined);
  }
}

function ended(code: number | null, signal: NodeJS.Signals | null): SalmonError {
  return new SalmonError('engine', {
    what: 'The harvest process ended before its work was done',
    got: signal === null ? `exit code ${code}` : `signal ${signal}`,
    todo: signal === 'SIGKILL' ? 'It may have run out of memory; without `harvest.process` only one process holds an engine' : 'See what it printed on stderr',
  });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { APICallError } from 'ai';

/** What a failed try means for the next one. */
export interface Failure {
  readonly retry: boolean;
  /** Milliseconds the server asked to wait. */
  readonly wait: number | undefined;
  readonly status: number | undefined;
  /** The request may have been answered, and billed, without the answer reaching us. */
  readonly uncertain: boolean;
}

/** 408, 409, 425, 429, 5xx, cut connections, time-outs and unreadable replies are worth another try; other 4xx are not. */
export function classify(error: unknown): Failure {
  if (!APICallError.isInstance(error)) return { retry: true, wait: undefined, status: undefined, uncertain: true };
  const status = error.statusCode;
  const refused = status !== undefined && status >= 400;
  const retry = !refused || status >= 500 || [408, 409, 425, 429].includes(status);
  return { retry, wait: retryAfter(error.responseHeaders ?? {}), status, uncertain: !refused };
}

/** Retry-After in seconds or as a date (RFC 9110, 10.2.3), or the common retry-after-ms; milliseconds. */
export function retryAfter(headers: Readonly<Record<string, string>>, now = Date.now()): number | undefined {
  const fine = Number(headers['retry-after-ms']);
  if (headers['retry-after-ms'] !== undefined && Number.isFinite(fine)) return Math.max(0, fine);
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  const seconds = Number(value);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - now;
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

/** Holds back every request of a client while its server asks for patience. */
export class Gate {
  private until = 0;

  /** No request before `milliseconds` from now. */
  hold(milliseconds: number): void {
    this.until = Math.max(this.until, Date.now() + milliseconds);
  }

  async pass(signal?: AbortSignal): Promise<void> {
    for (let left = this.until - Date.now(); left > 0; left = this.until - Date.now()) {
      await sleep(left, undefined, signal === undefined ? {} : { signal });
    }
  }
}

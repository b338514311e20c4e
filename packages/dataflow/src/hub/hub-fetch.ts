import { setTimeout as sleep } from 'node:timers/promises';
import { SalmonError } from '../errors.js';
import type { HubSettings } from './hub-options.js';

/**
 * A `fetch` for the hub: brings the access token, repeats after connection failures, 429 and 5xx (honouring Retry-After), and turns what remains
 * into a `network` error that says what to do. Answers below 400, and 416, are returned.
 */
export function hubFetch(settings: HubSettings): typeof fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    for (let attempt = 1; ; attempt++) {
      const outcome = await once(url, init, settings);
      if ('response' in outcome && (outcome.response.ok || outcome.response.status === 416)) return outcome.response;
      const wait = attempt < settings.retry.attempts ? waitAfter(outcome, attempt, settings) : undefined;
      if (wait === undefined) throw await failure(outcome, url, settings);
      if ('response' in outcome) await outcome.response.body?.cancel();
      await pause(wait, settings.signal);
    }
  };
}

type Outcome = { readonly response: Response } | { readonly error: unknown };

/** Waits, unless it is told to stop: then throws `cancelled`. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new SalmonError('cancelled', { what: 'The download was cancelled' }, { cause });
  }
}

async function once(url: string, init: RequestInit | undefined, settings: HubSettings): Promise<Outcome> {
  const { signal, token } = settings;
  const headers = new Headers(init?.headers);
  // Here and not through the library, which accepts tokens of the public hub only; never to another host.
  if (token !== undefined && new URL(url).origin === new URL(settings.hubUrl).origin) headers.set('authorization', `Bearer ${token}`);
  try {
    return { response: await fetch(url, { ...init, headers, ...(signal === undefined ? {} : { signal }) }) };
  } catch (error) {
    if (signal?.aborted === true) throw new SalmonError('cancelled', { what: 'The download was cancelled', where: url }, { cause: error });
    return { error };
  }
}

/** How long to wait before the next try, in ms; undefined where another try would not help. */
function waitAfter(outcome: Outcome, attempt: number, settings: HubSettings): number | undefined {
  const doubled = settings.retry.waitMs * 2 ** (attempt - 1);
  if (!('response' in outcome)) return doubled;
  const { status, headers } = outcome.response;
  if (status !== 429 && status < 500) return undefined;
  const asked = retryAfter(headers.get('retry-after'));
  if (asked === undefined) return doubled;
  return asked <= settings.retry.longestWaitMs ? asked : undefined;
}

/** Retry-After in ms: seconds, or a date (RFC 9110 section 10.2.3). */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds) && header.trim() !== '') return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

async function failure(outcome: Outcome, url: string, settings: HubSettings): Promise<SalmonError> {
  if (!('response' in outcome)) {
    const { error } = outcome;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return new SalmonError(
      'network',
      {
        what: 'The hub cannot be reached',
        where: url,
        got: cause,
        todo: 'Check the connection and HF_ENDPOINT, or set HF_HUB_OFFLINE=1 to use what is in the cache',
      },
      { cause: error },
    );
  }
  const { response } = outcome;
  const said = (await response.text().catch(() => '')).slice(0, 200).trim();
  const { what, todo } = explain(response, settings.token !== undefined);
  return new SalmonError('network', { what, where: url, got: `HTTP ${response.status}${said === '' ? '' : `: ${said}`}`, todo });
}

function explain(response: Response, hasToken: boolean): { readonly what: string; readonly todo: string } {
  const { status } = response;
  if (status === 401) {
    return hasToken
      ? { what: 'The hub does not accept the access token', todo: 'Make a new token and put it into HF_TOKEN' }
      : { what: 'The hub wants an access token for this', todo: 'Put a token into HF_TOKEN, after accepting the terms on the repository page if it is gated' };
  }
  if (status === 403) {
    return { what: 'The access token does not give access to this', todo: 'Accept the terms on the repository page, or use a token that may read it' };
  }
  if (status === 404) {
    return { what: 'The hub has no such repository, revision or file', todo: 'Check the spelling; a private repository looks the same without a token (HF_TOKEN)' };
  }
  if (status === 429) {
    const after = response.headers.get('retry-after');
    return { what: 'The hub asks for fewer requests', todo: after === null ? 'Try again later' : `Try again after ${after} seconds, or use a token (HF_TOKEN)` };
  }
  if (status >= 500) return { what: 'The hub has a problem of its own', todo: 'Try again later: what has arrived is kept' };
  return { what: 'The hub refused the request', todo: 'Check the name and revision' };
}

import { hostname } from 'node:os';
import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { bodyLimit } from 'hono/body-limit';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);
/** Bodies are short texts. */
const MAX_BODY = 64 * 1024;

/** Nothing but the page's own scripts, styles and data; the page needs no inline script or style. */
export const CONTENT_SECURITY_POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'"],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
  // Text can reach the page as text only: assigning a string to innerHTML and its like is an error.
  requireTrustedTypesFor: ["'script'"],
};

/** Headers on every answer, and refusal of requests that another site's page or a rebound name could have made. */
export function security(bound: string): readonly MiddlewareHandler[] {
  return [
    secureHeaders({ contentSecurityPolicy: CONTENT_SECURITY_POLICY, strictTransportSecurity: false, referrerPolicy: 'no-referrer', xFrameOptions: 'DENY' }),
    async (c, next) => {
      c.header('Cache-Control', 'no-store');
      const host = c.req.header('host') ?? '';
      if (!allowedHost(host, bound)) return c.json({ error: 'This server does not answer to that host name.' }, 403);
      const origin = c.req.header('origin');
      if (origin !== undefined && origin !== `http://${host}`) return c.json({ error: 'Requests of other sites are refused.' }, 403);
      const site = c.req.header('sec-fetch-site');
      const navigation = c.req.method === 'GET' && c.req.header('sec-fetch-mode') === 'navigate';
      if (site !== undefined && site !== 'same-origin' && site !== 'none' && !navigation) return c.json({ error: 'Requests of other sites are refused.' }, 403);
      if (c.req.method === 'POST' && c.req.header('content-type')?.split(';')[0] !== 'application/json') {
        return c.json({ error: 'A JSON body is expected.' }, 415);
      }
      return next();
    },
    bodyLimit({ maxSize: MAX_BODY, onError: (c) => c.json({ error: 'The text is too long.' }, 413) }),
  ];
}

/**
 * On loopback only loopback names pass, so that a name which an attacker points at 127.0.0.1 does not. Bound to an address of the network: that
 * address, any other literal address (they cannot be rebound) and the machine's own name.
 */
export function allowedHost(header: string, bound: string): boolean {
  const name = header.replace(/:\d+$/, '').toLowerCase();
  if (LOOPBACK.has(name) || name === bound.toLowerCase() || name === `[${bound.toLowerCase()}]`) return true;
  if (isLoopback(bound)) return false;
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || name === hostname().toLowerCase();
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the server does with one request; after the list is used up it answers properly. */
export type Behaviour =
  | { readonly kind: 'answer'; readonly text: string }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Record<string, string>; readonly message?: string }
  | { readonly kind: 'cut' }
  | { readonly kind: 'garbage' }
  | { readonly kind: 'slow'; readonly milliseconds: number };

export interface Loopback {
  readonly url: string;
  /** Bodies, headers and arrival times of all requests. */
  readonly seen: { readonly path: string; readonly headers: IncomingMessage['headers']; readonly body: { readonly [key: string]: unknown }; readonly at: number }[];
  readonly script: Behaviour[];
  /** Most requests that were under way at once. */
  most: number;
  close(): Promise<void>;
}

/** A local server that speaks the OpenAI chat protocol and the Anthropic messages protocol, and misbehaves on demand. */
export async function loopback(reply: (body: { readonly [key: string]: unknown }) => string): Promise<Loopback> {
  let open = 0;
  const state: Loopback = { url: '', seen: [], script: [], most: 0, close: async () => undefined };
  const server = createServer((request, response) => {
    state.most = Math.max(state.most, ++open);
    response.on('close', () => open--);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { readonly [key: string]: unknown };
      state.seen.push({ path: request.url ?? '', headers: request.headers, body, at: Date.now() });
      behave(state.script.shift(), { request, response, body });
    });
  });
  const behave = (
    how: Behaviour | undefined,
    at: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly body: { readonly [key: string]: unknown } },
  ): void => {
    const { request, response, body } = at;
    if (how?.kind === 'status') {
      response.writeHead(how.status, { 'content-type': 'application/json', ...how.headers });
      response.end(JSON.stringify({ type: 'error', error: { type: 'server', message: how.message ?? 'no' } }));
      return;
    }
    if (how?.kind === 'cut') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '5000' });
      response.write('{"id": "half');
      setTimeout(() => request.socket.destroy(), 5);
      return;
    }
    if (how?.kind === 'garbage') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('<html>gateway</html>');
      return;
    }
    const text = how?.kind === 'answer' ? how.text : reply(body);
    const anthropic = request.url?.endsWith('/messages') === true;
    const json = anthropic
      ? { id: 'm', type: 'message', role: 'assistant', model: body['model'], content: [{ type: 'text', text }], stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 100, output_tokens: 10 } }
      : { id: 'c', object: 'chat.completion', created: 0, model: body['model'], choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }], usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 } };
    setTimeout(() => {
      if (response.destroyed) return;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(json));
    }, how?.kind === 'slow' ? how.milliseconds : 5);
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}

/** The text of the last user message of either protocol. */
export function userText(body: { readonly [key: string]: unknown }): string {
  const messages = body['messages'] as readonly { readonly role: string; readonly content: unknown }[];
  const content = messages.filter((m) => m.role === 'user').at(-1)?.content;
  if (typeof content === 'string') return content;
  return (content as readonly { readonly text?: string }[]).map((part) => part.text ?? '').join('');
}

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Loopback } from '../../test/loopback-llm.js';
import { loopback } from '../../test/loopback-llm.js';
import { llmClient } from './client.js';
import { llmConfig, llmConfigFrom, llmKeyFrom } from './config.js';
import type { LlmConfig, LlmSettings } from './config.js';
import { isBudgetReached } from './ledger.js';
import { parseAnswer } from './parse-answer.js';
import { retryAfter } from './retry.js';

const KEY = 'sk-secret-0123456789';
const schema = z.object({ n: z.number() });
const prompt = (user: string): { version: string; system: string; user: string } => ({ version: 'test-1', system: 'Count.', user });

let server: Loopback;
let folder: string;
let replies = 0;

beforeEach(async () => {
  replies = 0;
  server = await loopback(() => `{"n": ${++replies}}`);
  folder = await mkdtemp(join(tmpdir(), 'salmon-llm-'));
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function config(more: Partial<LlmSettings> = {}): LlmConfig {
  return llmConfig({ provider: 'openai-compatible', model: 'small', baseUrl: server.url, backoff: 5, attempts: 4, timeout: 2000, ...more });
}

describe('llmClient', () => {
  it.each(['openai-compatible', 'ollama', 'anthropic'] as const)('speaks the protocol of %s', async (provider) => {
    const client = llmClient(config({ provider }), { apiKey: KEY });
    expect(await client.ask(prompt('one'), schema)).toEqual({ n: 1 });
    const [request] = server.seen;
    expect(request?.path).toBe(provider === 'anthropic' ? '/v1/messages' : '/v1/chat/completions');
    expect(request?.headers[provider === 'anthropic' ? 'x-api-key' : 'authorization']).toBe(provider === 'anthropic' ? KEY : `Bearer ${KEY}`);
    expect(request?.body['model']).toBe('small');
    expect(request?.body['temperature']).toBe(0);
    expect(client.usage()).toMatchObject({ questions: 1, requests: 1, inputTokens: 100, outputTokens: 10, retries: 0 });
  });

  it('waits as long as Retry-After says, all requests together', async () => {
    server.script.push({ kind: 'status', status: 429, headers: { 'retry-after': '1' } });
    const client = llmClient(config({ concurrency: 1 }));
    const from = Date.now();
    await Promise.all([client.ask(prompt('one'), schema), client.ask(prompt('two'), schema)]);
    expect(server.seen).toHaveLength(3);
    for (const { at } of server.seen.slice(1)) expect(at - from).toBeGreaterThanOrEqual(990);
    expect(client.usage().retries).toBe(1);
  });

  it.each([
    ['500', { kind: 'status', status: 500 }],
    ['503', { kind: 'status', status: 503 }],
    ['a cut connection', { kind: 'cut' }],
    ['a reply that is no JSON', { kind: 'garbage' }],
  ] as const)('tries again after %s', async (_, behaviour) => {
    server.script.push(behaviour, behaviour);
    const client = llmClient(config());
    expect(await client.ask(prompt('one'), schema)).toEqual({ n: 1 });
    expect(client.usage()).toMatchObject({ requests: 3, retries: 2 });
  });

  it('gives a slow try up and tries again', async () => {
    server.script.push({ kind: 'slow', milliseconds: 5000 });
    const client = llmClient(config({ timeout: 150 }));
    expect(await client.ask(prompt('one'), schema)).toEqual({ n: 2 });
    expect(server.seen).toHaveLength(2);
  });

  it('does not repeat what cannot get better, and keeps the key out of the error', async () => {
    server.script.push({ kind: 'status', status: 401, message: `bad key ${KEY}` });
    const client = llmClient(config(), { apiKey: KEY, cache: folder });
    const error = await client.ask(prompt('one'), schema).then(() => undefined, (e: unknown) => e as Error);
    expect(error?.message).toMatch(/HTTP 401: bad key \[key\].*SALMON_LLM_API_KEY/);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(KEY);
    expect(server.seen).toHaveLength(1);
    expect(await readdir(folder)).toEqual([]);
  });

  it('gives up after the tries allowed', async () => {
    for (let i = 0; i < 4; i++) server.script.push({ kind: 'status', status: 500 });
    await expect(llmClient(config()).ask(prompt('one'), schema)).rejects.toThrow(/did not answer after 4 tries.*HTTP 500/);
    expect(server.seen).toHaveLength(4);
  });

  it('keeps to its concurrency', async () => {
    const client = llmClient(config({ concurrency: 3 }));
    await Promise.all(Array.from({ length: 12 }, (_, i) => client.ask(prompt(`q${i}`), schema)));
    expect(server.most).toBe(3);
  });

  it('pays for an answer once: in one run, and after a restart', async () => {
    const first = llmClient(config(), { apiKey: KEY, cache: folder });
    const both = await Promise.all([first.ask(prompt('one'), schema), first.ask(prompt('one'), schema)]);
    expect(both).toEqual([{ n: 1 }, { n: 1 }]);
    const again = llmClient(config(), { apiKey: KEY, cache: folder });
    expect(await again.ask(prompt('one'), schema)).toEqual({ n: 1 });
    expect(again.usage()).toMatchObject({ questions: 1, cached: 1, requests: 0, cost: 0 });
    expect(server.seen).toHaveLength(1);
    expect(await again.ask({ ...prompt('one'), version: 'test-2' }, schema)).toEqual({ n: 2 });
    expect(await llmClient(config({ model: 'other' }), { cache: folder }).ask(prompt('one'), schema)).toEqual({ n: 3 });
  });

  it('writes neither key nor prompt to disk, and survives a damaged cache file', async () => {
    const client = llmClient(config(), { apiKey: KEY, cache: folder });
    await client.ask(prompt('a very private prompt'), schema);
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((f) => f.isFile());
    expect(files).toHaveLength(1);
    const path = join(files[0]?.parentPath ?? '', files[0]?.name ?? '');
    const text = await readFile(path, 'utf8');
    expect(text).not.toContain(KEY);
    expect(text).not.toContain('private');
    await writeFile(path, text.slice(0, 20));
    expect(await llmClient(config(), { cache: folder }).ask(prompt('a very private prompt'), schema)).toEqual({ n: 2 });
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ text: '{"n": 2}' });
  });

  it('counts answers of the wrong form as failures and does not pay for them twice', async () => {
    server.script.push({ kind: 'answer', text: 'I would rather not.' }, { kind: 'answer', text: '{"n": "three"}' }, { kind: 'answer', text: 'Sure:\n```json\n{"n": 7}\n```' });
    const client = llmClient(config(), { cache: folder });
    expect(await client.ask(prompt('a'), schema)).toBeUndefined();
    expect(await client.ask(prompt('b'), schema)).toBeUndefined();
    expect(await client.ask(prompt('c'), schema)).toEqual({ n: 7 });
    expect(await client.ask(prompt('a'), schema)).toBeUndefined();
    expect(client.usage()).toMatchObject({ parseFailures: 3, requests: 3, questions: 4 });
  });

  it('stops before the budget is passed and keeps what was paid', async () => {
    // 100 tokens in and 10 out at 1000 USD/M tokens: 0.11 a request, reserved at most 0.05.
    const paid = config({ price: { input: 1000, output: 1000 }, budget: 0.5, maxOutputTokens: 40, concurrency: 1 });
    const client = llmClient(paid, { cache: folder });
    let answered = 0;
    let stop: unknown;
    for (let i = 0; i < 20 && stop === undefined; i++) await client.ask(prompt(`q${i}`), schema).then(() => answered++, (e: unknown) => (stop = e));
    expect(isBudgetReached(stop)).toBe(true);
    expect(String(stop)).toMatch(/budget is used up.*at most 0.5 USD/);
    expect(answered).toBeGreaterThan(2);
    expect(server.seen).toHaveLength(answered);
    const before = server.seen.length;
    const again = llmClient(paid, { cache: folder });
    for (let i = 0; i < answered; i++) await again.ask(prompt(`q${i}`), schema);
    expect(server.seen).toHaveLength(before);
    expect(again.usage().cost).toBe(0);
  });

  it('never promises more than the budget to requests under way, but waits for what they leave', async () => {
    // At most 0.04 a request, 0.01 in the end: two at a time, and seven until less than 0.04 is left of 0.1.
    const client = llmClient(config({ price: { input: 0, output: 1000 }, budget: 0.1, maxOutputTokens: 40, concurrency: 8 }));
    const settled = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => client.ask(prompt(`q${i}`), schema)));
    expect(server.seen).toHaveLength(7);
    expect(server.most).toBe(2);
    expect(client.usage().cost).toBeCloseTo(0.07, 10);
    const refused = settled.filter((s) => s.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused.every((s) => isBudgetReached(s.reason))).toBe(true);
  });

  it('can be cancelled while it waits', async () => {
    server.script.push({ kind: 'status', status: 429, headers: { 'retry-after': '30' } });
    const stop = new AbortController();
    const asked = llmClient(config(), { signal: stop.signal }).ask(prompt('one'), schema);
    setTimeout(() => stop.abort(), 50);
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('llmConfig', () => {
  it('fills in defaults and names what is wrong', () => {
    expect(config()).toMatchObject({ temperature: 0, concurrency: 4 });
    expect(() => llmConfig({ provider: 'openai-compatible', model: 'm' })).toThrow(/needs a base URL/);
    expect(() => llmConfig({ provider: 'ollama', model: '' })).toThrow(/llm.model/);
    expect(() => llmConfig({ provider: 'ollama', model: 'm', baseUrl: 'http://me:pass@host/v1' })).toThrow(/no user, password/);
    expect(() => llmConfig({ provider: 'ollama', model: 'm', budget: 1 })).toThrow(/needs prices/);
  });

  it('reads the environment, given settings first', () => {
    const environment = { SALMON_LLM_PROVIDER: 'ollama', SALMON_LLM_MODEL: 'llama3', SALMON_LLM_PRICE_INPUT: '1', SALMON_LLM_BUDGET: '2', OPENAI_API_KEY: 'o', ANTHROPIC_API_KEY: 'a' };
    expect(llmConfigFrom(environment)).toMatchObject({ provider: 'ollama', model: 'llama3', budget: 2, price: { input: 1, output: 0 } });
    expect(llmConfigFrom(environment, { model: 'qwen' })?.model).toBe('qwen');
    expect(llmConfigFrom({})).toBeUndefined();
    expect(() => llmConfigFrom({ ...environment, SALMON_LLM_BUDGET: 'much' })).toThrow(/llm.budget/);
    expect(llmKeyFrom(environment, 'anthropic')).toBe('a');
    expect(llmKeyFrom({ ...environment, SALMON_LLM_API_KEY: 's' }, 'anthropic')).toBe('s');
    expect(llmKeyFrom({}, 'ollama')).toBeUndefined();
  });
});

describe('retryAfter', () => {
  it('reads seconds, dates and milliseconds', () => {
    expect(retryAfter({ 'retry-after': '2' })).toBe(2000);
    expect(retryAfter({ 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' }, Date.parse('Sun, 06 Nov 1994 08:49:30 GMT'))).toBe(7000);
    expect(retryAfter({ 'retry-after-ms': '30', 'retry-after': '9' })).toBe(30);
    expect(retryAfter({ 'retry-after': 'soon' })).toBeUndefined();
    expect(retryAfter({})).toBeUndefined();
  });
});

describe('parseAnswer', () => {
  it('finds the object that fits, braces in strings and false starts included', () => {
    expect(parseAnswer('{oops} then {"n": 1}', schema)).toEqual({ n: 1 });
    expect(parseAnswer('{"m": {"n": 2}}', schema)).toEqual({ n: 2 });
    expect(parseAnswer('{"s": "}{", "n": 3}', schema)).toEqual({ n: 3 });
    expect(parseAnswer('{"n": 1', schema)).toBeUndefined();
    expect(parseAnswer('', schema)).toBeUndefined();
  });
});

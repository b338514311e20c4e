import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { random, SalmonError } from '@salmon-sae/dataflow';
import type { Random } from '@salmon-sae/dataflow';
import { generateText } from 'ai';
import type { LanguageModel } from 'ai';
import pLimit from 'p-limit';
import type { z } from 'zod';
import type { Prompt } from '../prompts/explain.js';
import { AnswerCache } from './answer-cache.js';
import type { LlmConfig } from './config.js';
import { parseAnswer } from './parse-answer.js';
import { isBudgetReached, Ledger } from './ledger.js';
import type { LlmUsage } from './ledger.js';
import { classify, Gate } from './retry.js';

/** Asks a language model and reads its answers. */
export interface LlmClient {
  /** provider/model */
  readonly id: string;
  /** The answer in the form of `schema`, or undefined where it does not have it. Throws `network`, `cancelled`. */
  ask<T>(prompt: Prompt, schema: z.ZodType<T>): Promise<T | undefined>;
  usage(): LlmUsage;
}

export interface LlmClientOptions {
  /** Never written anywhere. */
  readonly apiKey?: string | undefined;
  /** Folder of paid answers; without it nothing is cached. */
  readonly cache?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A client over the Vercel AI SDK with bounded concurrency, retries, a budget and a cache on disk. */
export function llmClient(config: LlmConfig, options: LlmClientOptions = {}): LlmClient {
  const model = modelOf(config, options.apiKey);
  const cache = options.cache === undefined ? undefined : new AnswerCache(options.cache);
  const ledger = new Ledger(config);
  const limit = pLimit(config.concurrency);
  const asked = new Map<string, Promise<string>>();
  const line: Line = { config, model, ledger, gate: new Gate(), jitter: random(0, 'llm-backoff'), options };
  const answer = async (prompt: Prompt, key: string): Promise<string> => {
    const known = await cache?.get(key);
    if (known !== undefined) {
      ledger.cached++;
      return known.text;
    }
    const paid = await limit(() => send(line, prompt));
    await cache?.put(key, { version: 1, model: `${config.provider}/${config.model}`, prompt: prompt.version, ...paid });
    return paid.text;
  };
  return {
    id: `${config.provider}/${config.model}`,
    ask: async (prompt, schema) => {
      ledger.questions++;
      const { provider, baseUrl = '', model: name, temperature, maxOutputTokens } = config;
      const key = AnswerCache.key([provider, baseUrl, name, temperature, maxOutputTokens, prompt.version, prompt.system, prompt.user]);
      let pending = asked.get(key);
      if (pending === undefined) {
        pending = answer(prompt, key).finally(() => asked.delete(key));
        asked.set(key, pending);
      }
      const read = parseAnswer(await pending, schema);
      if (read === undefined) ledger.parseFailures++;
      return read;
    },
    usage: () => ledger.usage(),
  };
}

interface Line {
  readonly config: LlmConfig;
  readonly model: LanguageModel;
  readonly ledger: Ledger;
  readonly gate: Gate;
  readonly jitter: Random;
  readonly options: LlmClientOptions;
}

interface Paid {
  readonly text: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

async function send(line: Line, prompt: Prompt): Promise<Paid> {
  try {
    return await tryAndTry(line, prompt);
  } catch (error) {
    // An abort may fall into a request or into a wait between two; either way it is a stop that was asked for.
    if (line.options.signal?.aborted !== true || isBudgetReached(error)) throw error;
    throw new SalmonError('cancelled', { what: 'Asking the language model was cancelled', where: line.config.model });
  }
}

async function tryAndTry(line: Line, prompt: Prompt): Promise<Paid> {
  const { config, ledger, gate, options } = line;
  // About 3 characters a token is on the safe side for the texts at hand.
  const estimate = Math.ceil((prompt.system.length + prompt.user.length) / 3);
  for (let attempt = 1; ; attempt++) {
    await gate.pass(options.signal);
    const reserved = await ledger.reserve(estimate);
    ledger.requests++;
    try {
      const timeout = AbortSignal.timeout(config.timeout);
      const result = await generateText({
        model: line.model,
        system: prompt.system,
        prompt: prompt.user,
        temperature: config.temperature,
        maxOutputTokens: config.maxOutputTokens,
        maxRetries: 0,
        abortSignal: options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]),
      });
      const used = { inputTokens: result.usage.inputTokens ?? estimate, outputTokens: result.usage.outputTokens ?? Math.ceil(result.text.length / 3) };
      ledger.settle(reserved, used);
      return { text: result.text, ...used };
    } catch (error) {
      const failure = classify(error);
      ledger.settle(reserved, { inputTokens: failure.uncertain ? estimate : 0, outputTokens: 0 });
      if (options.signal?.aborted === true) throw error;
      if (!failure.retry || attempt >= config.attempts) throw refused(config, { error, status: failure.status, attempt }, options.apiKey);
      ledger.retries++;
      const backoff = Math.min(60_000, config.backoff * 2 ** (attempt - 1)) * (0.5 + line.jitter.next());
      if (failure.wait !== undefined) gate.hold(failure.wait);
      const own = new Gate();
      own.hold(Math.max(backoff, failure.wait ?? 0));
      await own.pass(options.signal);
    }
  }
}

/** The SDK's error may carry the prompt and headers, so only its message goes on, without the key. */
function refused(config: LlmConfig, at: { readonly error: unknown; readonly status: number | undefined; readonly attempt: number }, key: string | undefined): SalmonError {
  const message = at.error instanceof Error ? at.error.message : String(at.error);
  const safe = key === undefined || key === '' ? message : message.replaceAll(key, '[key]');
  return new SalmonError('network', {
    what: `The language model did not answer after ${at.attempt} ${at.attempt === 1 ? 'try' : 'tries'}`,
    where: `${config.provider}/${config.model}`,
    got: `${at.status === undefined ? '' : `HTTP ${at.status}: `}${safe.slice(0, 300)}`,
    todo: at.status === 401 || at.status === 403 ? 'Set SALMON_LLM_API_KEY to a key that is valid for this server' : 'Check the address, the model name and the server',
  });
}

function modelOf(config: LlmConfig, apiKey: string | undefined): LanguageModel {
  const key = apiKey === undefined || apiKey === '' ? {} : { apiKey };
  if (config.provider === 'anthropic') {
    // Without a key the SDK would look into the environment by itself; the caller decides, so it gets an empty one.
    return createAnthropic({ apiKey: apiKey ?? '', ...(config.baseUrl === undefined ? {} : { baseURL: config.baseUrl }) })(config.model);
  }
  const baseURL = config.baseUrl ?? 'http://127.0.0.1:11434/v1';
  return createOpenAICompatible({ name: config.provider, baseURL, ...key })(config.model);
}

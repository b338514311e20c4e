import { SalmonError } from '@salmon-sae/dataflow';
import { z } from 'zod';

/** Where and how to reach a language model over HTTP. Holds no key: keys come from the environment or the caller. */
export interface LlmConfig {
  readonly provider: 'openai-compatible' | 'anthropic' | 'ollama';
  readonly model: string;
  /** Base URL with version path, such as http://127.0.0.1:11434/v1; each provider has a default but `openai-compatible`. */
  readonly baseUrl?: string | undefined;
  readonly temperature: number;
  readonly maxOutputTokens: number;
  /** Requests under way at a time. */
  readonly concurrency: number;
  /** Tries per request, the first one included. */
  readonly attempts: number;
  /** Milliseconds before a try is given up. */
  readonly timeout: number;
  /** Milliseconds of the first back-off; doubles with each further one, up to a minute. */
  readonly backoff: number;
  /** USD per million tokens. */
  readonly price: { readonly input: number; readonly output: number };
  /** USD that may be spent; undefined = no limit. */
  readonly budget?: number | undefined;
}

const schema = z.strictObject({
  provider: z.enum(['openai-compatible', 'anthropic', 'ollama']),
  model: z.string(),
  baseUrl: z.url({ protocol: /^https?$/ }).optional(),
  temperature: z.number().min(0).max(2).default(0),
  maxOutputTokens: z.int().positive().default(500),
  concurrency: z.int().positive().default(4),
  attempts: z.int().positive().default(6),
  timeout: z.number().positive().default(60_000),
  backoff: z.number().nonnegative().default(500),
  price: z.strictObject({ input: z.number().nonnegative(), output: z.number().nonnegative() }).default({ input: 0, output: 0 }),
  budget: z.number().nonnegative().optional(),
});

export type LlmSettings = z.input<typeof schema>;

/** Checks settings and fills in defaults. Throws `bad-config`. */
export function llmConfig(settings: LlmSettings): LlmConfig {
  const parsed = schema.safeParse(settings);
  const fail = (where: string, what: string, todo?: string): never => {
    throw new SalmonError('bad-config', { what, where: `llm.${where}`, ...(todo === undefined ? {} : { todo }) });
  };
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return fail(issue?.path.join('.') ?? '', `Bad LLM setting: ${issue?.message ?? 'unreadable'}`);
  }
  const config = parsed.data;
  if (config.model === '') fail('model', 'It is not said which language model to ask', 'Give its name (--llm-model, or SALMON_LLM_MODEL)');
  if (config.provider === 'openai-compatible' && config.baseUrl === undefined) fail('baseUrl', 'An OpenAI-compatible provider needs a base URL', 'Give the address of the server (--base-url, or SALMON_LLM_BASE_URL), for example http://127.0.0.1:8000/v1');
  const url = config.baseUrl === undefined ? undefined : new URL(config.baseUrl);
  if (url !== undefined && (url.username !== '' || url.password !== '' || url.search !== '')) {
    fail('baseUrl', 'A base URL must hold no user, password or query', 'Put the key into SALMON_LLM_API_KEY');
  }
  if (config.budget !== undefined && config.price.input === 0 && config.price.output === 0) {
    fail('budget', 'A budget needs prices to count by', 'Set price.input and price.output in USD per million tokens (--price-input and --price-output, or SALMON_LLM_PRICE_INPUT and SALMON_LLM_PRICE_OUTPUT)');
  }
  return config;
}

/**
 * Settings from SALMON_LLM_PROVIDER, SALMON_LLM_MODEL, SALMON_LLM_BASE_URL, SALMON_LLM_BUDGET, SALMON_LLM_PRICE_INPUT and
 * SALMON_LLM_PRICE_OUTPUT; `given` fields win. Undefined if neither names a provider.
 */
export function llmConfigFrom(environment: Readonly<Record<string, string | undefined>>, given: Partial<LlmSettings> = {}): LlmConfig | undefined {
  const read = (name: string): string | undefined => {
    const value = environment[`SALMON_LLM_${name}`];
    return value === undefined || value === '' ? undefined : value;
  };
  const provider = given.provider ?? read('PROVIDER');
  if (provider === undefined) return undefined;
  const [baseUrl, budget, input, output] = [read('BASE_URL'), read('BUDGET'), read('PRICE_INPUT'), read('PRICE_OUTPUT')];
  return llmConfig({
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...(budget === undefined ? {} : { budget: Number(budget) }),
    ...(input === undefined && output === undefined ? {} : { price: { input: Number(input ?? 0), output: Number(output ?? 0) } }),
    model: read('MODEL') ?? '',
    ...given,
    provider: provider as LlmConfig['provider'],
  });
}

/** SALMON_LLM_API_KEY, else the provider's own variable. */
export function llmKeyFrom(environment: Readonly<Record<string, string | undefined>>, provider: LlmConfig['provider']): string | undefined {
  const own = provider === 'anthropic' ? 'ANTHROPIC_API_KEY' : provider === 'openai-compatible' ? 'OPENAI_API_KEY' : 'OLLAMA_API_KEY';
  return [environment['SALMON_LLM_API_KEY'], environment[own]].find((key) => key !== undefined && key !== '');
}

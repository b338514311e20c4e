import { llmClient, llmConfigFrom, llmKeyFrom, openWordNet } from '@salmon-sae/autointerp';
import type { LlmConfig, LlmSettings, LlmUsage } from '@salmon-sae/autointerp';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Client } from './readers.js';

/** How a client is asked for; what is left out comes from the environment. There is no field for a key: it comes from the environment only. */
export interface ClientSettings {
  readonly kind: 'lexical' | 'llm';
  readonly llm?: Partial<LlmSettings>;
  /** Stop before this many tokens (input and output) are paid for; instead of a budget in USD. */
  readonly budgetTokens?: number;
  /** Folder of paid answers. */
  readonly cache: string;
  readonly signal?: AbortSignal;
}

export interface OpenClient {
  readonly client: Client;
  /** Model and provider, or `lexical`. */
  readonly id: string;
  /** What was used, with the cost at the real prices; nothing for the lexical client. */
  usage(): LlmUsage | undefined;
}

/** Opens the client that explains and judges. Throws `usage`, `bad-config`. */
export async function openClient(settings: ClientSettings, environment: Readonly<Record<string, string | undefined>>): Promise<OpenClient> {
  if (settings.kind === 'lexical') {
    if (settings.budgetTokens !== undefined || settings.llm?.budget !== undefined) throw new SalmonError('usage', { what: 'A budget is for --client llm', got: '--client lexical', todo: 'Leave the budget out: the lexical client pays for nothing' });
    return { client: { kind: 'lexical', taxonomy: await openWordNet() }, id: 'lexical', usage: () => undefined };
  }
  const config = llmConfigFrom(environment, settings.llm ?? {});
  if (config === undefined) {
    throw new SalmonError('usage', { what: '--client llm needs a provider', expected: 'openai-compatible, anthropic or ollama', todo: 'Give --provider, or set SALMON_LLM_PROVIDER' });
  }
  const { price } = config;
  const limited = settings.budgetTokens === undefined ? config : tokenLimited(config, settings.budgetTokens);
  const client = llmClient(limited, { apiKey: llmKeyFrom(environment, config.provider), cache: settings.cache, ...(settings.signal === undefined ? {} : { signal: settings.signal }) });
  return {
    client: { kind: 'llm', client, concurrency: config.concurrency },
    id: client.id,
    usage: () => {
      const used = client.usage();
      return { ...used, cost: (used.inputTokens * price.input + used.outputTokens * price.output) / 1e6 };
    },
  };
}

/** A client counts its budget in money; at a price of one per token the money is tokens. */
function tokenLimited(config: LlmConfig, tokens: number): LlmConfig {
  if (config.budget !== undefined) throw new SalmonError('usage', { what: 'There are two budgets', got: `${config.budget} USD and ${tokens} tokens`, todo: 'Give --budget (or SALMON_LLM_BUDGET) or --budget-tokens' });
  return { ...config, price: { input: 1e6, output: 1e6 }, budget: tokens };
}

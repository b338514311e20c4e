import { isSalmonError, SalmonError } from '@salmon-sae/dataflow';
import type { LlmConfig } from './config.js';

/** What a client has used so far. */
export interface LlmUsage {
  /** Questions asked, those answered from the cache, and tries sent over the network. */
  readonly questions: number;
  readonly cached: number;
  readonly requests: number;
  readonly retries: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** USD at the configured prices; tries whose answer was lost count with their input. */
  readonly cost: number;
  /** Answers that did not have the form asked for. */
  readonly parseFailures: number;
}

/** Counts tokens and money, and refuses what could exceed the budget before it is sent. */
export class Ledger {
  questions = 0;
  cached = 0;
  requests = 0;
  retries = 0;
  inputTokens = 0;
  outputTokens = 0;
  parseFailures = 0;
  private cost = 0;
  private reserved = 0;
  private underWay = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly config: Pick<LlmConfig, 'price' | 'budget' | 'maxOutputTokens'>) {}

  /**
   * Sets the most a request can cost aside; where that could pass the budget, waits for requests under way, which mostly cost less than
   * was set aside for them, and throws when there are none left. Returns what to give to `settle`.
   */
  async reserve(inputTokens: number): Promise<number> {
    const most = this.price(inputTokens, this.config.maxOutputTokens);
    const { budget = Infinity } = this.config;
    while (this.cost + this.reserved + most > budget) {
      if (this.underWay === 0) {
        throw new SalmonError('cancelled', {
          what: 'The LLM budget is used up',
          where: BUDGET,
          expected: `at most ${budget} USD`,
          got: `${this.cost.toFixed(4)} USD spent, up to ${most.toFixed(4)} for the next request`,
          todo: 'Raise the budget and run again: answers already paid for are in the cache',
        });
      }
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.underWay++;
    this.reserved += most;
    return most;
  }

  settle(reserved: number, used: { readonly inputTokens: number; readonly outputTokens: number }): void {
    this.underWay--;
    this.reserved = this.underWay === 0 ? 0 : this.reserved - reserved;
    this.inputTokens += used.inputTokens;
    this.outputTokens += used.outputTokens;
    this.cost += this.price(used.inputTokens, used.outputTokens);
    for (const go of this.waiting.splice(0)) go();
  }

  usage(): LlmUsage {
    const { questions, cached, requests, retries, inputTokens, outputTokens, cost, parseFailures } = this;
    return { questions, cached, requests, retries, inputTokens, outputTokens, cost, parseFailures };
  }

  private price(inputTokens: number, outputTokens: number): number {
    return (inputTokens * this.config.price.input + outputTokens * this.config.price.output) / 1e6;
  }
}

const BUDGET = 'llm budget';

/** True for the error that says the budget is used up: stop, keep what is done. */
export function isBudgetReached(error: unknown): boolean {
  return isSalmonError(error) && error.code === 'cancelled' && error.parts.where === BUDGET;
}

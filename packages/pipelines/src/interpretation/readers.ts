import { lexicalExplainer, lexicalJudge, llmExplainer, llmJudge } from '@salmon-sae/autointerp';
import type { ExampleBook, Explainer, Judge, LlmClient, Taxonomy } from '@salmon-sae/autointerp';
import type { Tokenizer } from '@salmon-sae/dataflow';

/** Who writes and judges explanations: word rules offline, or a language model over HTTP. */
export type Client =
  | { readonly kind: 'lexical'; readonly taxonomy: Taxonomy }
  | { readonly kind: 'llm'; readonly client: LlmClient; readonly concurrency: number };

export interface Reader {
  readonly explainer: Explainer;
  readonly judge: Judge;
  /** Latents explained at a time; judging asks many questions per latent as it is. */
  readonly concurrency: number;
}

/** Explainer and judge of one client for the latents of one book. */
export function readerOf(client: Client, book: ExampleBook, tokenizer: Pick<Tokenizer, 'token'>): Reader {
  if (client.kind === 'lexical') {
    const { taxonomy } = client;
    return { explainer: lexicalExplainer(book, { tokenizer, taxonomy }), judge: lexicalJudge({ tokenizer, taxonomy }), concurrency: 1 };
  }
  return { explainer: llmExplainer(client.client, { tokenizer }), judge: llmJudge(client.client, { tokenizer }), concurrency: client.concurrency };
}

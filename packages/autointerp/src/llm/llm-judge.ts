import type { Tokenizer } from '@salmon-sae/dataflow';
import { z } from 'zod';
import { windowReader } from '../explain/text-window.js';
import { withMarks } from '../prompts/explain.js';
import type { Prompt } from '../prompts/explain.js';
import { detectPrompt, fuzzPrompt, simulatePrompt } from '../prompts/judge.js';
import type { Judge, ShownWindow, Verdict } from '../score/judge.js';
import { chunks } from '../score/language-model-rows.js';
import type { LlmClient } from './client.js';

export interface LlmJudgeOptions {
  readonly tokenizer: Pick<Tokenizer, 'token'>;
  /** Windows per prompt; 1 leaks least between windows and costs most. */
  readonly perPrompt?: number;
}

/** Judges windows with a language model over HTTP. Prompts whose answer cannot be read fail all their windows. */
export function llmJudge(client: LlmClient, options: LlmJudgeOptions): Judge {
  const read = windowReader(options.tokenizer);
  const ask = async (windows: readonly ShownWindow[], prompt: (texts: readonly ShownWindow[]) => Prompt): Promise<readonly (Verdict | undefined)[]> => {
    const groups = chunks(windows, options.perPrompt ?? 5);
    const answered = await Promise.all(
      groups.map(async (group) => {
        const reply = await client.ask(prompt(group), z.object({ answers: z.array(z.number().min(0).max(1)).length(group.length) }));
        return group.map((_, i): Verdict | undefined => {
          const probability = reply?.answers[i];
          return probability === undefined ? undefined : { probability, yes: probability >= 0.5 };
        });
      }),
    );
    return answered.flat();
  };
  return {
    method: client.id,
    detect: ({ text }, windows) => ask(windows, (group) => detectPrompt(text, group.map((w) => read(w).surfaces.join('')))),
    fuzz: ({ text }, windows) => ask(windows, (group) => fuzzPrompt(text, group.map((w) => withMarks(read(w), w.marks ?? new Uint8Array(w.ids.length))))),
    simulate: ({ text }, windows) =>
      Promise.all(
        windows.map(async (window) => {
          const schema = z.object({ levels: z.array(z.number().min(0).max(10)).length(window.ids.length) });
          const reply = await client.ask(simulatePrompt(text, read(window).surfaces), schema);
          return reply === undefined ? undefined : Float32Array.from(reply.levels, (level) => level / 10);
        }),
      ),
  };
}

import { random } from '@salmon-sae/dataflow';
import type { Edit, LanguageModel } from '@salmon-sae/dataflow';

export interface ContinueOptions {
  readonly tokens: number;
  /** 0 = the likeliest token each time. */
  readonly temperature: number;
  readonly seed: number;
  readonly edits?: readonly Edit[];
}

/** The model's continuation of some tokens, under edits. Yields to the event loop between tokens; stops at the end-of-text token. */
export async function continueText(model: LanguageModel, prompt: Int32Array, options: ContinueOptions): Promise<string> {
  const { vocabulary, context } = model.info;
  const draw = random(options.seed, 'continuation');
  const ids = [...prompt];
  for (let step = 0; step < options.tokens; step++) {
    const shown = Int32Array.from(ids.slice(-context));
    const rows = { rows: 1, context: shown.length, ids: shown, mask: new Uint8Array(shown.length).fill(1) };
    const { logits } = model.forward(rows, { logits: true, ...(options.edits === undefined ? {} : { edits: options.edits }) });
    if (logits === undefined) break;
    const next = pick(logits.subarray((shown.length - 1) * vocabulary, shown.length * vocabulary), options.temperature, draw.next());
    if (next === model.tokenizer.eos) break;
    ids.push(next);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return model.tokenizer.decode(ids.slice(prompt.length));
}

/** One id from softmax(logits / temperature), by inversion of the uniform `at`. */
export function pick(logits: Float32Array, temperature: number, at: number): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] as number) > (logits[best] as number)) best = i;
  if (temperature === 0) return best;
  const top = logits[best] as number;
  const weights = logits.map((value) => Math.exp((value - top) / temperature));
  let left = at * weights.reduce((a, b) => a + b, 0);
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i] as number;
    if (left < 0) return i;
  }
  return best;
}

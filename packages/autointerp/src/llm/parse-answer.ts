import type { z } from 'zod';

/** The first JSON object of an answer that fits the schema: models like to wrap it in prose or a code fence. */
export function parseAnswer<T>(text: string, schema: z.ZodType<T>): T | undefined {
  for (let from = text.indexOf('{'); from >= 0; from = text.indexOf('{', from + 1)) {
    const end = closing(text, from);
    if (end < 0) continue;
    let json: unknown;
    try {
      json = JSON.parse(text.slice(from, end + 1));
    } catch {
      continue;
    }
    const parsed = schema.safeParse(json);
    if (parsed.success) return parsed.data;
  }
  return undefined;
}

/** Index of the brace that closes the one at `from`, strings respected; -1 if none does. */
function closing(text: string, from: number): number {
  let depth = 0;
  let quoted = false;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '{') depth++;
    else if (c === '}' && --depth === 0) return i;
  }
  return -1;
}

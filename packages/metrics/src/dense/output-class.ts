import type { LanguageModel } from '@salmon-sae/dataflow';

/** `dense_output@1`: at least 90 of the 100 most promoted tokens begin with the same letter (arXiv 2506.15679, "alphabet"). */
export const SAME_LETTER_SHARE = 0.9;

export interface LetterShare {
  readonly letter: string;
  readonly share: number;
}

/** For each direction [n, width]: the commonest first letter among its k most promoted tokens, case and leading space ignored. */
export function letterShares(model: Pick<LanguageModel, 'logitEffects' | 'tokenizer'>, directions: Float32Array, n: number, k = 100): readonly LetterShare[] {
  return model.logitEffects(directions, n, k).map(({ promoted }) => {
    const counts = new Map<string, number>();
    for (const { id } of promoted) {
      const letter = model.tokenizer.token(id).trim().charAt(0).toLowerCase();
      if (/\p{L}/u.test(letter)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
    const [letter, count] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? ['', 0];
    return { letter, share: promoted.length === 0 ? 0 : count / promoted.length };
  });
}

/** Numbers and pieces of text as the page shows them. */

export function number(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value !== 0 && Math.abs(value) < 10 ** -digits) return value.toExponential(1).replace('-', '−');
  return String(Number(value.toPrecision(digits))).replace('-', '−');
}

export function percent(value: number): string {
  return `${number(value * 100, 2)}%`;
}

/** A token with its invisible parts made visible. */
export function shownToken(token: string): string {
  return token.replaceAll('\n', '↵').replaceAll('\t', '⇥');
}

/** The words of "taste:4 tongue:2". */
export function wordsOf(words: string): readonly { readonly word: string; readonly count: number }[] {
  return words.split(' ').flatMap((item) => {
    const at = item.lastIndexOf(':');
    return at > 0 ? [{ word: item.slice(0, at), count: Number(item.slice(at + 1)) }] : [];
  });
}

/** What a latent is called in lists: its explanation, or else the words at its peaks. */
export function labelOf(explanation: string, words: string, token = ''): string {
  if (explanation !== '' && explanation !== 'No lexical pattern found.') return explanation;
  const list = wordsOf(words)
    .slice(0, 4)
    .map(({ word }) => word)
    .join(', ');
  return list === '' && token !== '' ? `“${shownToken(token).trim()}”` : list;
}

import { NO_LABEL } from '../../src/wire.js';

/** Numbers and pieces of text as the page shows them. */

/** Up to `digits` significant digits, without trailing zeros. */
export function number(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value !== 0 && Math.abs(value) < 10 ** -digits) return value.toExponential(1).replaceAll('-', '−');
  return String(Number(value.toPrecision(digits))).replace('-', '−');
}

/** Three significant digits, zeros kept, so that columns align: 8.80, 15.1, 120. */
export function measure(value: number): string {
  return Number.isFinite(value) && Math.abs(value) < 1000 && Math.abs(value) >= 0.01 ? value.toPrecision(3).replace('-', '−') : number(value);
}

/** Always two decimals; nothing where there is no value. */
export function score(value: number | null | undefined): string {
  return value === null || value === undefined || Number.isNaN(value) ? '–' : value.toFixed(2).replace('-', '−');
}

/** Two significant digits and no exponent: 12%, 3.5%, 0.073%, 0.0024%. */
export function percent(value: number): string {
  const share = value * 100;
  if (share === 0 || !Number.isFinite(share)) return '0%';
  const decimals = share >= 10 ? 0 : Math.min(8, Math.max(1, 1 - Math.floor(Math.log10(share))));
  return `${share.toFixed(decimals)}%`;
}

/** "1 latent", "1,429 latents". */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
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

/** Whether there is an explanation, and not the word of an explainer that it found none. */
export function isExplained(explanation: string): boolean {
  return explanation !== '' && explanation !== NO_LABEL;
}

/** What a latent is called in lists: what its explanation says it fires on, or else the words at its peaks. */
export function labelOf(explanation: string, words: string, token = ''): string {
  if (isExplained(explanation)) return explanation.replace(/^Fires on /, '').replace(/\.$/, '');
  const list = wordsOf(words)
    .slice(0, 4)
    .map(({ word }) => word)
    .join(', ');
  return list === '' && token !== '' ? `“${shownToken(token).trim()}”` : list;
}

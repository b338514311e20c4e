import type { JSX } from 'preact';
import { shownToken } from './format.js';

/** Tokens with the strength of each as the depth of its mark, in ten steps; `max` is full depth. */
export function Tokens({ tokens, values, max }: { readonly tokens: readonly string[]; readonly values: readonly number[]; readonly max: number }): JSX.Element {
  return (
    <span class="tokens">
      {tokens.map((token, i) => {
        const value = values[i] ?? 0;
        const depth = depthOf(value, max);
        if (depth === 0) {
          return (
            <span key={i} class={token.includes('\n') ? 'break' : undefined}>
              {shownToken(token)}
            </span>
          );
        }
        return (
          <span key={i}>
            {token.startsWith(' ') && token.trim() !== '' ? ' ' : ''}
            <mark class={`h${depth}`} title={`${shownToken(token).trim()}: ${Number(value.toPrecision(4))}`}>
              {shownToken(token.trim() === '' ? token : token.replace(/^ /, ''))}
            </mark>
          </span>
        );
      })}
    </span>
  );
}

/** The step, 0 to 10, of a value on the scale of marks. */
export function depthOf(value: number, max: number): number {
  return value > 0 && max > 0 ? Math.max(1, Math.min(10, Math.ceil((10 * value) / max))) : 0;
}

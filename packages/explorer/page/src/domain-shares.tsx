import type { JSX } from 'preact';
import { NOT_RECORDED } from './definitions.js';
import { percent } from './format.js';
import { Meter } from './meter.js';

/** In which texts the latent's active tokens lie. */
export function DomainShares({ shares }: { readonly shares: Readonly<Record<string, number>> | undefined }): JSX.Element {
  if (shares === undefined) return <p class="muted">{capital(NOT_RECORDED)}.</p>;
  return (
    <ul class="shares">
      {Object.entries(shares)
        .sort(([, a], [, b]) => b - a)
        .map(([domain, share]) => (
          <li key={domain}>
            <span>{domain}</span>
            <Meter share={share} />
            <span class="num">{percent(share)}</span>
          </li>
        ))}
    </ul>
  );
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

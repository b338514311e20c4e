import type { JSX } from 'preact';

/** A bar that repeats a number standing beside it, 0..1 of its width. */
export function Meter({ share }: { readonly share: number }): JSX.Element {
  return (
    <span class="meter" aria-hidden="true">
      <span style={{ width: `${100 * Math.max(0, Math.min(1, share))}%` }} />
    </span>
  );
}

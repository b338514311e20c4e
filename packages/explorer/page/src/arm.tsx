import type { JSX } from 'preact';
import type { RunData } from '../../src/wire.js';

/** The arm's place in the run's list, which gives its colour. */
export function armIndex(run: RunData, arm: string): number {
  return Math.max(0, run.arms.findIndex(({ id }) => id === arm)) % 6;
}

export function armLabel(run: RunData, arm: string): string {
  return run.arms.find(({ id }) => id === arm)?.label ?? arm;
}

export function Arm({ run, arm }: { readonly run: RunData; readonly arm: string }): JSX.Element {
  return (
    <span class={`arm arm-${armIndex(run, arm)}`}>
      <span class="dot" aria-hidden="true" />
      {armLabel(run, arm)}
    </span>
  );
}

/** What sets are called in choices: the arm alone where that says it all. */
export function setLabel(run: RunData, id: string): string {
  const set = run.sets.find((each) => each.id === id);
  if (set === undefined) return id;
  const texts = new Set(run.sets.map(({ text }) => text)).size;
  const same = run.sets.filter(({ arm, text }) => arm === set.arm && text === set.text).length;
  const parts = [armLabel(run, set.arm)];
  if (same > 1) parts.push(set.sae);
  if (texts > 1) parts.push(`on ${set.text}`);
  return parts.join(' · ');
}

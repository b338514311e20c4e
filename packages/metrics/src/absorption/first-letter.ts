import type { AbsorptionClass } from './absorption.js';

/** One class per first letter that at least `minWords` of the words begin with (SAEBench's task; case and leading space ignored). */
export function firstLetterClasses(words: Iterable<string>, minWords = 10): readonly AbsorptionClass[] {
  const byLetter = new Map<string, Set<string>>();
  for (const word of words) {
    const letter = word.trim().charAt(0).toLowerCase();
    if (!/^[a-z]$/.test(letter)) continue;
    const members = byLetter.get(letter) ?? new Set<string>();
    byLetter.set(letter, members.add(word));
  }
  return [...byLetter]
    .filter(([, members]) => members.size >= minWords)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, members]) => ({ name, members }));
}

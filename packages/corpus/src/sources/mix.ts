import { random } from '@salmon-sae/dataflow';
import type { Document } from '@salmon-sae/dataflow';
import { sourceName } from '../source.js';
import type { MixSource } from '../source.js';
import { openSource, START } from './open.js';
import type { Position } from './open.js';

/**
 * Draws each document from one of the sources, by chance in proportion to the weights of those that have documents left; row = documents
 * given out. Going on from a position draws again from the start, so it gives what the uninterrupted run gives.
 */
export async function* mix(source: MixSource, from: Position, signal: AbortSignal): AsyncGenerator<Document, void, undefined> {
  const name = sourceName(source);
  const draw = random(source.seed ?? 0, 'mix');
  let members = source.sources.map(({ source: part, weight }) => ({ weight, iterator: openSource(part, START, signal)[Symbol.asyncIterator]() }));
  let row = 0;
  try {
    while (members.length > 0) {
      const total = members.reduce((sum, member) => sum + member.weight, 0);
      let at = draw.next() * total;
      const chosen = members.find((member) => (at -= member.weight) < 0) ?? members.at(-1)!;
      const step = await chosen.iterator.next();
      if (step.done === true) {
        if (source.until === 'first') return;
        members = members.filter((member) => member !== chosen);
        continue;
      }
      row++;
      if (row > from.row) yield { ...step.value, cursor: { source: name, shard: 0, row } };
    }
  } finally {
    for (const member of members) await member.iterator.return?.();
  }
}

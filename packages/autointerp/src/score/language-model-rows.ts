import type { LanguageModel, TokenRows } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';

/** Pads token lists to rows of one length, right side, with the model's BOS (where it has one) in front. */
export function toRows(lists: readonly ArrayLike<number>[], model: Pick<LanguageModel, 'tokenizer' | 'info'>): TokenRows & { readonly lead: number } {
  const { bos, pad } = model.tokenizer;
  const lead = bos === undefined ? 0 : 1;
  const context = lead + lists.reduce((longest, list) => Math.max(longest, list.length), 0);
  if (context > model.info.context) {
    throw new SalmonError('bad-shape', {
      what: 'Text is longer than the language model reads',
      where: model.info.id,
      expected: `at most ${model.info.context} tokens`,
      got: String(context),
      todo: 'Use shorter windows',
    });
  }
  const ids = new Int32Array(lists.length * context).fill(pad);
  const mask = new Uint8Array(lists.length * context);
  lists.forEach((list, r) => {
    if (bos !== undefined) ids[r * context] = bos;
    ids.set(list, r * context + lead);
    mask.fill(1, r * context, r * context + lead + list.length);
  });
  return { rows: lists.length, context, ids, mask, lead };
}

/** Runs of at most `size` items. */
export function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

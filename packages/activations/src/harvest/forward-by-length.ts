import type { ForwardRequest, LanguageModel, TokenRows } from '@salmon-sae/dataflow';

/** Row lengths are rounded up to this, so that few different shapes occur. */
const GRAIN = 32;

export interface ByLengthOptions {
  /** Tokens (padding included) that go through the model at once; default 8192. */
  readonly tokensAtOnce?: number;
}

/**
 * Activations of token rows at some hooks, [rows * context * width] each, computed in groups of rows of about equal
 * length, so that padding costs little. Positions that hold padding get zeros.
 */
export function forwardByLength(
  model: LanguageModel,
  rows: TokenRows,
  request: Required<Pick<ForwardRequest, 'hooks'>> & Pick<ForwardRequest, 'edits'> & ByLengthOptions,
): Readonly<Record<string, Float32Array>> {
  const { tokensAtOnce = 8192, ...wanted } = request;
  const groups = lengthGroups(rows, tokensAtOnce);
  const only = groups[0];
  if (groups.length === 1 && only !== undefined && only.length === rows.context) return model.forward(rows, wanted).activations;
  const whole: Record<string, Float32Array> = {};
  for (const hook of wanted.hooks) whole[hook] = new Float32Array(rows.rows * rows.context * model.hookWidth(hook));
  for (const group of groups) {
    const { activations } = model.forward(cut(rows, group), wanted);
    for (const hook of wanted.hooks) {
      const part = activations[hook];
      const into = whole[hook];
      if (part === undefined || into === undefined) continue;
      const width = model.hookWidth(hook);
      group.rows.forEach((row, i) => {
        const size = realLength(rows, row) * width;
        const from = i * group.length * width;
        into.set(part.subarray(from, from + size), row * rows.context * width);
      });
    }
  }
  return whole;
}

/** Rows that run together, all cut to `length`. */
export interface LengthGroup {
  readonly rows: readonly number[];
  readonly length: number;
}

/** Groups rows by length, shortest first, at most `tokensAtOnce` tokens (at least one row) each. */
export function lengthGroups(rows: TokenRows, tokensAtOnce: number): readonly LengthGroup[] {
  const rounded = Array.from({ length: rows.rows }, (_, row) => {
    const length = Math.max(1, realLength(rows, row));
    return Math.min(rows.context, Math.ceil(length / GRAIN) * GRAIN);
  });
  const order = rounded.map((_, row) => row).sort((a, b) => (rounded[a] as number) - (rounded[b] as number) || a - b);
  const groups: { rows: number[]; length: number }[] = [];
  for (const row of order) {
    const length = rounded[row] as number;
    const last = groups.at(-1);
    if (last !== undefined && last.length === length && (last.rows.length + 1) * length <= tokensAtOnce) last.rows.push(row);
    else groups.push({ rows: [row], length });
  }
  return groups;
}

/** Position after the last real token. */
function realLength(rows: TokenRows, row: number): number {
  let end = rows.context;
  while (end > 0 && rows.mask[row * rows.context + end - 1] === 0) end--;
  return end;
}

function cut(rows: TokenRows, group: LengthGroup): TokenRows {
  const { length } = group;
  const ids = new Int32Array(group.rows.length * length);
  const mask = new Uint8Array(group.rows.length * length);
  group.rows.forEach((row, i) => {
    const from = row * rows.context;
    ids.set(rows.ids.subarray(from, from + length), i * length);
    mask.set(rows.mask.subarray(from, from + length), i * length);
  });
  return { rows: group.rows.length, context: length, ids, mask };
}

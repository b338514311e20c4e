import type { SparseCodes } from '@salmon-sae/dataflow';

/** Puts the codes of several SAEs over the same rows side by side: latent j of part p becomes latent (sum of earlier widths) + j. */
export function concatCodes(parts: readonly SparseCodes[]): SparseCodes {
  const rows = parts[0]?.rows ?? 0;
  const total = parts.reduce((sum, part) => sum + part.indices.length, 0);
  const indptr = new Int32Array(rows + 1);
  const indices = new Int32Array(total);
  const values = new Float32Array(total);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    let offset = 0;
    for (const part of parts) {
      for (let i = part.indptr[row]!; i < part.indptr[row + 1]!; i++, at++) {
        indices[at] = part.indices[i]! + offset;
        values[at] = part.values[i]!;
      }
      offset += part.latents;
    }
    indptr[row + 1] = at;
  }
  return { rows, latents: parts.reduce((sum, part) => sum + part.latents, 0), indptr, indices, values };
}

/** Undoes `concatCodes`: one set of codes per width, in order. */
export function splitCodes(codes: SparseCodes, widths: readonly number[]): readonly SparseCodes[] {
  let from = 0;
  return widths.map((width) => {
    const part = sliceLatents(codes, from, from + width);
    from += width;
    return part;
  });
}

/** The latents [from, to) of some codes, renumbered from 0. */
export function sliceLatents(codes: SparseCodes, from: number, to: number): SparseCodes {
  const indptr = new Int32Array(codes.rows + 1);
  const kept: number[] = [];
  for (let row = 0; row < codes.rows; row++) {
    for (let i = codes.indptr[row]!; i < codes.indptr[row + 1]!; i++) {
      const latent = codes.indices[i]!;
      if (latent >= from && latent < to) kept.push(i);
    }
    indptr[row + 1] = kept.length;
  }
  const indices = new Int32Array(kept.length);
  const values = new Float32Array(kept.length);
  for (let i = 0; i < kept.length; i++) {
    indices[i] = codes.indices[kept[i]!]! - from;
    values[i] = codes.values[kept[i]!]!;
  }
  return { rows: codes.rows, latents: to - from, indptr, indices, values };
}

/** Spreads codes of the chosen rows over `rows` rows; the others get no code. `chosen` ascends. */
export function spreadRows(codes: SparseCodes, chosen: Int32Array, rows: number): SparseCodes {
  const indptr = new Int32Array(rows + 1);
  let next = 0;
  for (let row = 0; row < rows; row++) {
    if (chosen[next] === row) next++;
    indptr[row + 1] = codes.indptr[next]!;
  }
  return { ...codes, rows, indptr };
}

/** True where a row has no active latent. */
export function silentRow(codes: SparseCodes, row: number): boolean {
  return codes.indptr[row] === codes.indptr[row + 1];
}

import type { ActivationBatch, Cursor, Site } from './currency.js';
import { DocTable } from './doc-table.js';
import { SalmonError } from './errors.js';

/** What every batch of one stream has in common. */
export interface RowLayout {
  readonly site: Site;
  readonly width: number;
  /** 0 = batches carry no target. */
  readonly targetWidth: number;
}

export function layoutOf(batch: ActivationBatch): RowLayout {
  const { site, rows, values, target, origin } = batch;
  const targetWidth = target === undefined || rows === 0 ? 0 : target.length / rows;
  const whole =
    values.length === rows * site.width &&
    Number.isInteger(targetWidth) &&
    origin.tokenId.length === rows &&
    origin.position.length === rows &&
    origin.doc.length === rows;
  if (!whole) {
    throw new SalmonError('bad-shape', {
      what: 'An activation batch does not hold as many values as it has rows',
      where: `${site.model} ${site.hook}`,
      expected: `${rows} rows of ${site.width} values, and ${rows} entries in each column of the origin`,
      got: `${values.length} values, target ${target?.length ?? 'none'}, origin ${origin.tokenId.length}/${origin.position.length}/${origin.doc.length}`,
    });
  }
  return { site, width: site.width, targetWidth };
}

/** Throws `bad-shape` unless a later batch has the layout of the stream's first one. */
export function sameLayout(batch: ActivationBatch, first: RowLayout): void {
  const layout = layoutOf(batch);
  const { site } = layout;
  if (site.model === first.site.model && site.hook === first.site.hook && layout.width === first.width && layout.targetWidth === first.targetWidth) return;
  throw new SalmonError('bad-shape', {
    what: 'Batches of different kinds came in one stream',
    where: `${site.model} ${site.hook}`,
    expected: `${first.site.model} ${first.site.hook}, width ${first.width}, target width ${first.targetWidth || 'none'}`,
    got: `width ${layout.width}, target width ${layout.targetWidth || 'none'}`,
    todo: 'Merge streams of one site only',
  });
}

/** A fixed number of rows in columns, with their documents: the storage under `rebatch` and `shuffle`. */
export class RowBlock {
  readonly values: Float32Array;
  readonly target: Float32Array | undefined;
  readonly tokenId: Int32Array;
  readonly position: Int32Array;
  /** Entry in the block's own document table. */
  readonly doc: Int32Array;

  constructor(
    readonly layout: RowLayout,
    readonly rows: number,
    readonly table: DocTable = new DocTable(),
  ) {
    this.values = new Float32Array(rows * layout.width);
    this.target = layout.targetWidth > 0 ? new Float32Array(rows * layout.targetWidth) : undefined;
    this.tokenId = new Int32Array(rows);
    this.position = new Int32Array(rows);
    this.doc = new Int32Array(rows);
  }

  /** Copies row `from` of a batch to row `to` of the block; `entries` comes from the block's table. */
  put(to: number, batch: ActivationBatch, from: number, entries: Int32Array): void {
    const { width, targetWidth } = this.layout;
    copyRow(batch.values, from * width, this.values, to * width, width);
    if (this.target !== undefined && batch.target !== undefined) {
      copyRow(batch.target, from * targetWidth, this.target, to * targetWidth, targetWidth);
    }
    this.tokenId[to] = batch.origin.tokenId[from]!;
    this.position[to] = batch.origin.position[from]!;
    const doc = batch.origin.doc[from]!;
    const entry = doc < 0 ? -1 : entries[doc]!;
    this.doc[to] = entry;
    this.table.hold(entry);
  }

  /** Moves row `from` of this block to row `to` of another block that shares the document table. */
  move(from: number, other: RowBlock, to: number): void {
    const { width, targetWidth } = this.layout;
    copyRow(this.values, from * width, other.values, to * width, width);
    if (this.target !== undefined && other.target !== undefined) {
      copyRow(this.target, from * targetWidth, other.target, to * targetWidth, targetWidth);
    }
    other.tokenId[to] = this.tokenId[from]!;
    other.position[to] = this.position[from]!;
    other.doc[to] = this.doc[from]!;
  }

  /** The first `rows` rows as a batch. The block must not be written to afterwards: the batch owns its arrays. */
  batch(rows: number, cursor: Cursor): ActivationBatch {
    const { site, width, targetWidth } = this.layout;
    const doc = rows === this.rows ? this.doc : this.doc.slice(0, rows);
    const { docs, domains } = this.table.take(doc);
    const cut = <T extends Float32Array | Int32Array>(array: T, length: number): T => (array.length === length ? array : (array.slice(0, length) as T));
    return {
      site,
      rows,
      values: cut(this.values, rows * width),
      ...(this.target === undefined ? {} : { target: cut(this.target, rows * targetWidth) }),
      origin: { tokenId: cut(this.tokenId, rows), position: cut(this.position, rows), doc, docs, domains },
      cursor,
    };
  }
}

// A loop, because `target.set(source.subarray())` would make one object per row.
function copyRow(source: Float32Array, from: number, to: Float32Array, at: number, width: number): void {
  for (let i = 0; i < width; i++) to[at + i] = source[from + i]!;
}

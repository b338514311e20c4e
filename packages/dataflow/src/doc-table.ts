import type { RowOrigin } from './currency.js';

/** The documents of rows held in a buffer: each named once, forgotten when its last row has left. */
export class DocTable {
  private readonly index = new Map<string, number>();
  private readonly ids: string[] = [];
  private readonly domains: string[] = [];
  private readonly rows: number[] = [];
  private readonly free: number[] = [];
  /** Batch-local number of an entry while `take` runs; -1 otherwise. */
  private readonly local: number[] = [];

  /** Documents with at least one row held. */
  get size(): number {
    return this.index.size;
  }

  /** Entry of each document of a batch's origin (not yet holding any row of it). */
  entries(origin: RowOrigin): Int32Array {
    const entries = new Int32Array(origin.docs.length);
    for (let d = 0; d < entries.length; d++) entries[d] = this.entry(origin.docs[d]!, origin.domains[d] ?? '');
    return entries;
  }

  /** One more row of this entry is held. Entries are numbers of `entries`; -1 = no document. */
  hold(entry: number): void {
    if (entry >= 0) this.rows[entry] = this.rows[entry]! + 1;
  }

  /** Drops entries of `entries` that got no row. */
  settle(entries: Int32Array): void {
    for (const entry of entries) if (this.rows[entry] === 0) this.forget(entry);
  }

  /**
   * Takes the rows whose entries stand in `doc` out of the table and rewrites `doc` to indices into the lists returned
   * (in order of first appearance).
   */
  take(doc: Int32Array): { readonly docs: readonly string[]; readonly domains: readonly string[] } {
    const docs: string[] = [];
    const domains: string[] = [];
    const seen: number[] = [];
    for (let i = 0; i < doc.length; i++) {
      const entry = doc[i]!;
      if (entry < 0) continue;
      let local = this.local[entry]!;
      if (local < 0) {
        local = docs.length;
        this.local[entry] = local;
        docs.push(this.ids[entry]!);
        domains.push(this.domains[entry]!);
        seen.push(entry);
      }
      this.rows[entry] = this.rows[entry]! - 1;
      doc[i] = local;
    }
    for (const entry of seen) {
      this.local[entry] = -1;
      if (this.rows[entry] === 0) this.forget(entry);
    }
    return { docs, domains };
  }

  private entry(id: string, domain: string): number {
    const key = `${domain}\u0000${id}`;
    const known = this.index.get(key);
    if (known !== undefined) return known;
    const entry = this.free.pop() ?? this.ids.length;
    this.ids[entry] = id;
    this.domains[entry] = domain;
    this.rows[entry] = 0;
    this.local[entry] = -1;
    this.index.set(key, entry);
    return entry;
  }

  private forget(entry: number): void {
    const key = `${this.domains[entry]!}\u0000${this.ids[entry]!}`;
    if (this.index.get(key) !== entry) return;
    this.index.delete(key);
    this.ids[entry] = '';
    this.domains[entry] = '';
    this.free.push(entry);
  }
}

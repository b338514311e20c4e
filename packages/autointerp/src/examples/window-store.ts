const BLOCK = 2048;

/** Token windows shared by all latents that keep them, counted by reference; slots are reused. */
export class WindowStore {
  private readonly blocks: Int32Array[] = [];
  private readonly lengths: number[] = [];
  private readonly offsets: number[] = [];
  private readonly hashes: number[] = [];
  private readonly docs: string[] = [];
  private readonly domains: string[] = [];
  private readonly references: number[] = [];
  private readonly free: number[] = [];
  private used = 0;

  constructor(readonly window: number) {}

  /** Windows held at the moment. */
  get size(): number {
    return this.used - this.free.length;
  }

  /** Copies a window in, with no reference yet. */
  put(ids: Int32Array, at: { start: number; length: number; offset: number; hash: number; doc: string; domain: string }): number {
    const slot = this.free.pop() ?? this.used++;
    const block = Math.floor(slot / BLOCK);
    this.blocks[block] ??= new Int32Array(BLOCK * this.window);
    const target = this.blocks[block] as Int32Array;
    const base = (slot % BLOCK) * this.window;
    for (let t = 0; t < at.length; t++) target[base + t] = ids[at.start + t] as number;
    this.lengths[slot] = at.length;
    this.offsets[slot] = at.offset;
    this.hashes[slot] = at.hash;
    this.docs[slot] = at.doc;
    this.domains[slot] = at.domain;
    this.references[slot] = 0;
    return slot;
  }

  retain(slot: number): void {
    this.references[slot] = (this.references[slot] as number) + 1;
  }

  release(slot: number): void {
    const left = (this.references[slot] as number) - 1;
    this.references[slot] = left;
    if (left === 0) this.free.push(slot);
  }

  length(slot: number): number {
    return this.lengths[slot] as number;
  }

  hash(slot: number): number {
    return this.hashes[slot] as number;
  }

  /** A copy of a window. */
  get(slot: number): { readonly ids: Int32Array; readonly offset: number; readonly doc: string; readonly domain: string } {
    const base = (slot % BLOCK) * this.window;
    const block = this.blocks[Math.floor(slot / BLOCK)] as Int32Array;
    return {
      ids: block.slice(base, base + this.length(slot)),
      offset: this.offsets[slot] as number,
      doc: this.docs[slot] as string,
      domain: this.domains[slot] as string,
    };
  }
}

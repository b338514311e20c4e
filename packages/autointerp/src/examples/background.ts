/** A window kept for its own sake, with the latents that fired in it. */
export interface BackgroundWindow {
  readonly ids: Int32Array;
  readonly doc: string;
  readonly domain: string;
  readonly offset: number;
  readonly hash: number;
  /** SAE name -> ascending latents that fired anywhere in the window. */
  readonly fired: Map<string, Int32Array>;
}

/** A uniform sample of distinct windows (largest keys win), independent of the order of arrival. */
export class Background {
  private readonly heap: { readonly key: number; readonly window: BackgroundWindow }[] = [];
  private readonly held = new Set<number>();

  constructor(readonly capacity: number) {}

  wants(key: number, hash: number): boolean {
    if (this.held.has(hash)) return false;
    const root = this.heap[0];
    return this.heap.length < this.capacity ? true : root !== undefined && key > root.key;
  }

  put(key: number, window: BackgroundWindow): void {
    this.held.add(window.hash);
    if (this.heap.length === this.capacity) {
      const gone = this.heap[0];
      if (gone !== undefined) this.held.delete(gone.window.hash);
      this.heap[0] = { key, window };
      this.sink();
      return;
    }
    this.heap.push({ key, window });
    for (let i = this.heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!this.swapIfSmaller(i, parent)) break;
      i = parent;
    }
  }

  /** Strongest key first: a fixed order whatever the order of arrival. */
  windows(): readonly BackgroundWindow[] {
    return [...this.heap].sort((a, b) => b.key - a.key).map((entry) => entry.window);
  }

  private sink(): void {
    for (let i = 0; ; ) {
      const left = 2 * i + 1;
      const right = left + 1;
      let smallest = i;
      for (const child of [left, right]) {
        if (child < this.heap.length && this.key(child) < this.key(smallest)) smallest = child;
      }
      if (smallest === i) return;
      this.swapIfSmaller(smallest, i);
      i = smallest;
    }
  }

  private key(i: number): number {
    return this.heap[i]?.key ?? Infinity;
  }

  private swapIfSmaller(child: number, parent: number): boolean {
    const a = this.heap[child];
    const b = this.heap[parent];
    if (a === undefined || b === undefined || a.key >= b.key) return false;
    this.heap[child] = b;
    this.heap[parent] = a;
    return true;
  }
}

/** True if an ascending list contains a value. */
export function contains(sorted: Int32Array, value: number): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === value;
}

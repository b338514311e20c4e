import type { WindowStore } from './window-store.js';

/**
 * The `capacity` windows with the largest keys, with one latent's activations in each. With peaks as keys it is the top
 * list; with hashes as keys it is a uniform sample that does not depend on the order of arrival (bottom-k sampling).
 */
export class BoundedSample {
  private keys = new Float64Array(0);
  private slots = new Int32Array(0);
  private values = new Float32Array(0);
  private weakest = 0;
  size = 0;

  constructor(
    readonly capacity: number,
    private readonly store: WindowStore,
  ) {}

  /** Would a window with this key be kept? */
  wants(key: number): boolean {
    return this.size < this.capacity ? this.capacity > 0 : key > (this.keys[this.weakest] as number);
  }

  /** True if a window with the same tokens is held already. */
  holds(hash: number): boolean {
    for (let i = 0; i < this.size; i++) if (this.store.hash(this.slots[i] as number) === hash) return true;
    return false;
  }

  /** Keeps a window that `wants` said yes to; `row` holds the activations from `at`. */
  put(key: number, slot: number, row: { readonly values: Float32Array; readonly at: number }): void {
    const width = this.store.window;
    let place = this.size;
    if (this.size < this.capacity) {
      if (this.size === this.keys.length) this.grow();
      this.size++;
    } else {
      place = this.weakest;
      this.store.release(this.slots[place] as number);
    }
    this.store.retain(slot);
    this.keys[place] = key;
    this.slots[place] = slot;
    this.values.set(row.values.subarray(row.at, row.at + width), place * width);
    this.weakest = 0;
    for (let i = 1; i < this.size; i++) if ((this.keys[i] as number) < (this.keys[this.weakest] as number)) this.weakest = i;
  }

  /** Slots with their activations (views), in no order. */
  *entries(): Generator<{ readonly slot: number; readonly activations: Float32Array }> {
    const width = this.store.window;
    for (let i = 0; i < this.size; i++) {
      const slot = this.slots[i] as number;
      yield { slot, activations: this.values.subarray(i * width, i * width + this.store.length(slot)) };
    }
  }

  private grow(): void {
    const room = Math.min(this.capacity, Math.max(4, this.size * 2));
    const keys = new Float64Array(room);
    const slots = new Int32Array(room);
    const values = new Float32Array(room * this.store.window);
    keys.set(this.keys);
    slots.set(this.slots);
    values.set(this.values);
    this.keys = keys;
    this.slots = slots;
    this.values = values;
  }
}

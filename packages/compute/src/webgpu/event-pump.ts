type Callback = () => void;
type Method = (...args: unknown[]) => unknown;

/**
 * Dawn's Node binding delivers finished GPU work when the event loop runs the callback that it hands to `setImmediate`. Holding those
 * callbacks lets this thread run them while it waits, so that GPU memory can be read synchronously; the event loop runs them otherwise.
 */
export class EventPump {
  #held: Callback[] = [];
  #scheduled = false;

  /** Makes every later call of the prototype's methods hand its callbacks to the pump. */
  adopt(prototype: object, methods: readonly string[]): void {
    const all = prototype as Record<string, Method>;
    for (const name of methods) {
      const original = all[name] as Method;
      const capture = (call: () => unknown): unknown => this.#capture(call);
      all[name] = function (this: unknown, ...args: unknown[]): unknown {
        return capture(() => original.apply(this, args));
      };
    }
  }

  /** Runs what is due; false where nothing is. */
  turn(): boolean {
    const due = this.#held;
    this.#held = [];
    for (const callback of due) this.#capture(callback);
    return due.length > 0;
  }

  #capture<T>(call: () => T): T {
    const real = globalThis.setImmediate;
    const hold = (callback: Callback): void => {
      this.#held.push(callback);
      if (this.#scheduled) return;
      this.#scheduled = true;
      real(() => {
        this.#scheduled = false;
        this.turn();
      });
    };
    globalThis.setImmediate = hold as unknown as typeof setImmediate;
    try {
      return call();
    } finally {
      globalThis.setImmediate = real;
    }
  }
}

/** Maps items with at most `width` calls under way and yields results in the order of the items; stops at the first error. */
export async function* inOrder<T, R>(items: Iterable<T>, width: number, fn: (item: T) => Promise<R>): AsyncGenerator<R> {
  const waiting: Promise<R>[] = [];
  for (const item of items) {
    const started = fn(item);
    // The error is raised where the result is awaited; until then it must not count as unhandled.
    started.catch(() => undefined);
    waiting.push(started);
    if (waiting.length >= width) yield await (waiting.shift() as Promise<R>);
  }
  for (const result of waiting) yield await result;
}

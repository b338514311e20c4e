/** The places where two JSON values differ, as `path: a -> b` lines; at most `limit`. */
export function differences(before: unknown, after: unknown, limit = 12): readonly string[] {
  const found: string[] = [];
  walk(before, after, '', found);
  return found.length > limit ? [...found.slice(0, limit), `and ${found.length - limit} more`] : found;
}

function walk(before: unknown, after: unknown, path: string, found: string[]): void {
  if (Object.is(before, after)) return;
  if (isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after)) {
    const a = before as Record<string, unknown>;
    const b = after as Record<string, unknown>;
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) walk(a[key], b[key], path === '' ? key : `${path}.${key}`, found);
    return;
  }
  found.push(`${path === '' ? 'value' : path}: ${shown(before)} -> ${shown(after)}`);
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

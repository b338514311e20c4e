import { useEffect, useState } from 'preact/hooks';

/** `#/page/part/part?key=value`: hash routes need no server, so that the static site works anywhere. */
export interface Route {
  readonly page: string;
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page = '', ...parts] = path.split('/').map(decodeURIComponent);
  return { page: page === '' ? 'features' : page, parts, query: new URLSearchParams(query) };
}

export function link(page: string, parts: readonly (string | number)[] = [], query: Readonly<Record<string, string | number | undefined>> = {}): string {
  const search = new URLSearchParams(Object.entries(query).flatMap(([key, value]) => (value === undefined || value === '' ? [] : [[key, String(value)]])));
  const path = [page, ...parts.map((part) => encodeURIComponent(part))].join('/');
  return `#/${path}${search.size > 0 ? `?${search}` : ''}`;
}

/** Changes the query in place, without a step in the history. */
export function setQuery(route: Route, changes: Readonly<Record<string, string | undefined>>): void {
  const query = Object.fromEntries(route.query);
  history.replaceState(null, '', link(route.page, route.parts, { ...query, ...changes }));
  dispatchEvent(new HashChangeEvent('hashchange'));
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const listen = (): void => setRoute(parseRoute(location.hash));
    addEventListener('hashchange', listen);
    return () => removeEventListener('hashchange', listen);
  }, []);
  return route;
}

import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import type { JSX } from 'preact';
import type { RunData } from '../../src/wire.js';
import { ComparePage } from './compare-page.js';
import { runData, useLoaded } from './data.js';
import { FeaturePage } from './feature-page.js';
import { LivePage } from './live-page.js';
import { MapPage } from './map-page.js';
import { PlotsPage } from './plots-page.js';
import { link, useRoute } from './route.js';
import type { Route } from './route.js';
import { TablePage } from './table-page.js';
import { applyTheme, ThemeButton } from './theme.js';

export interface PageProps {
  readonly run: RunData;
  readonly route: Route;
}

const PAGES: Readonly<Record<string, { readonly title: string; readonly view: (props: PageProps) => JSX.Element }>> = {
  features: { title: 'Features', view: TablePage },
  feature: { title: 'Feature', view: FeaturePage },
  compare: { title: 'Compare', view: ComparePage },
  plots: { title: 'Plots', view: PlotsPage },
  map: { title: 'Map', view: MapPage },
  live: { title: 'Live', view: LivePage },
};
const MENU = ['features', 'compare', 'plots', 'map', 'live'];

function App(): JSX.Element {
  const route = useRoute();
  const run = useLoaded(runData, 'run');
  const page = PAGES[route.page];
  useEffect(() => {
    document.title = `${page?.title ?? 'Not found'} · ${run.value?.title ?? 'salmon'}`;
  }, [page, run.value]);
  useEffect(() => {
    const slash = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      if (event.key !== '/' || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
      const search = document.querySelector<HTMLInputElement>('input[type=search]');
      if (search === null) return;
      event.preventDefault();
      search.focus();
      search.select();
    };
    addEventListener('keydown', slash);
    return () => removeEventListener('keydown', slash);
  }, []);
  const current = route.page === 'feature' ? 'features' : route.page;
  const View = page?.view;
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href="#/features">
          salmon
        </a>
        <nav aria-label="Pages">
          {MENU.map((name) => (
            <a key={name} href={link(name)} aria-current={name === current ? 'page' : undefined}>
              {PAGES[name]?.title}
            </a>
          ))}
        </nav>
        <span class="run" title={run.value?.summary}>
          {run.value?.title}
          {run.value !== undefined && (
            <small>
              {run.value.model} · {run.value.hook}
            </small>
          )}
        </span>
        <ThemeButton />
      </header>
      <main id="main" tabIndex={-1} class={`page-${route.page}`}>
        {run.error !== undefined && <p role="alert" class="error">The run could not be read: {run.error}</p>}
        {run.value === undefined && run.error === undefined && <p class="wait">Reading the run…</p>}
        {run.value !== undefined && View !== undefined && <View run={run.value} route={route} />}
        {View === undefined && (
          <section class="panel">
            <h1>There is no such page</h1>
            <p>
              Go to the <a href="#/features">features</a>.
            </p>
          </section>
        )}
      </main>
    </>
  );
}

applyTheme();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);

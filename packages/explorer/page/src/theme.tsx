import { useState } from 'preact/hooks';
import type { JSX } from 'preact';

const KEY = 'salmon-theme';

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    // Storage may be switched off; the system's scheme then stands.
    return null;
  }
}

/** Applies the stored choice, before the first paint of the page. */
export function applyTheme(): void {
  const theme = stored();
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset['theme'] = theme;
}

function isDark(): boolean {
  const chosen = document.documentElement.dataset['theme'];
  return chosen === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark';
}

export function ThemeButton(): JSX.Element {
  const [dark, setDark] = useState(isDark);
  const flip = (): void => {
    const next = dark ? 'light' : 'dark';
    document.documentElement.dataset['theme'] = next;
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // The choice then lasts for this page only.
    }
    setDark(!dark);
    dispatchEvent(new Event('themechange'));
  };
  return (
    <button type="button" class="quiet icon" onClick={flip} aria-label={dark ? 'Light colours' : 'Dark colours'} title={dark ? 'Light colours' : 'Dark colours'}>
      {dark ? '☀' : '☾'}
    </button>
  );
}

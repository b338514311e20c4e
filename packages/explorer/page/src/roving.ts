import { useRef } from 'preact/hooks';

/**
 * One tab stop for many marks: the arrow keys go from mark to mark, Enter follows the link under the focus. Marks carry `data-mark` with
 * their place in order; `tabIndex` gives each its value.
 */
export interface Roving {
  readonly onKeyDown: (event: KeyboardEvent & { readonly currentTarget: SVGElement }) => void;
  readonly tabIndex: (mark: number) => number;
}

export function useRoving(): Roving {
  const current = useRef(0);
  return {
    tabIndex: (mark) => (mark === current.current ? 0 : -1),
    onKeyDown: (event) => {
      const marks = [...event.currentTarget.querySelectorAll<SVGAElement>('[data-mark]')];
      const at = marks.findIndex((mark) => mark === document.activeElement);
      const steps: Readonly<Record<string, number>> = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: marks.length - 1 };
      const next = marks[Math.max(0, Math.min(marks.length - 1, steps[event.key] ?? -1))];
      if (at < 0 || steps[event.key] === undefined || next === undefined) return;
      event.preventDefault();
      for (const mark of marks) mark.setAttribute('tabindex', mark === next ? '0' : '-1');
      current.current = marks.indexOf(next);
      next.focus();
    },
  };
}

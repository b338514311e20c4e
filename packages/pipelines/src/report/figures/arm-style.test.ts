import { describe, expect, it } from 'vitest';
import { armStyles, palette, withPlainColors } from './arm-style.js';

const arm = (id: string) => ({ id, label: id, description: '' });

describe('arm styles', () => {
  it('never tells arms apart by colour alone, and gives known arms the same look in every report', () => {
    const all = armStyles(['fine-tuned', 'domain', 'random', 'broad', 'boosted', 'active', 'stitched', 'ensemble'].map(arm));
    expect(new Set([...all.values()].map((style) => style.symbol)).size).toBe(8);
    expect(new Set([...all.values()].map((style) => style.color)).size).toBe(8);
    expect(armStyles([arm('domain')]).get('domain')).toEqual(all.get('domain'));
  });

  it('has enough contrast on white and on the dark page (WCAG 1.4.11: 3 to 1)', () => {
    const luminance = (hex: string): number => {
      const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
    };
    const contrast = (a: string, b: string): number => {
      const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
      return (high! + 0.05) / (low! + 0.05);
    };
    for (const { light, dark } of palette) {
      expect(contrast(light, '#ffffff')).toBeGreaterThan(3);
      expect(contrast(dark, '#15171a')).toBeGreaterThan(3);
    }
  });

  it('replaces CSS variables for programs that know none', () => {
    expect(withPlainColors('<a fill="var(--c-blue, #0072b2)" stroke="var(--ink, #1a1a1a)"/>')).toBe('<a fill="#0072b2" stroke="#1a1a1a"/>');
  });
});

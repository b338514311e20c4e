import { expect, it } from 'vitest';
import { csvField, escapeHtml, escapeMarkdown, visibleToken } from './escape.js';

it('escapes HTML text and attributes, and replaces control characters', () => {
  expect(escapeHtml(`<img src=x onerror="alert('1')"> & co`)).toBe('&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt; &amp; co');
  expect(escapeHtml('a\u0000b\u001b[0m')).toBe('a�b�[0m');
});

it('takes the meaning from Markdown', () => {
  expect(escapeMarkdown('a | b\n# c *d* [e](f) <g>')).toBe('a \\| b \\# c \\*d\\* \\[e\\](f) \\<g\\>');
});

it('quotes CSV fields and defuses spreadsheet formulas', () => {
  expect(csvField('say "hi", you')).toBe('"say ""hi"", you"');
  expect(csvField('=HYPERLINK(1)')).toBe("'=HYPERLINK(1)");
  expect(csvField(-0.25)).toBe('-0.25');
  expect(csvField(null)).toBe('');
});

it('shows line breaks and tabs', () => {
  expect(visibleToken('\n\n')).toBe('↵↵');
  expect(visibleToken('\r\n\tx')).toBe('↵⇥x');
});

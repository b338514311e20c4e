const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text as HTML text or attribute value; control characters that HTML forbids become the replacement character. */
export function escapeHtml(text: string): string {
  return withoutControls(text).replace(/[&<>"']/g, (char) => entities[char]!);
}

/** Text inside a Markdown table cell or paragraph: markup characters lose their meaning, line breaks become spaces. */
export function escapeMarkdown(text: string): string {
  return withoutControls(text)
    .replace(/\r?\n|\r/g, ' ')
    .replace(/[\\`*_{}[\]<>#|~!$&]/g, (char) => `\\${char}`);
}

/** One CSV field (RFC 4180). A leading = + - @ in text is kept apart from spreadsheet formulas by an apostrophe. */
export function csvField(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** A token as a reader sees it: line breaks and tabs get a visible sign. */
export function visibleToken(token: string): string {
  return token.replace(/\r?\n|\r/g, '↵').replace(/\t/g, '⇥');
}

function withoutControls(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '�');
}

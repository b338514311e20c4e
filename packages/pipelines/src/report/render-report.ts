import type { Block, Figure } from './document.js';
import { escapeHtml } from './escape.js';
import { armStyles, withPlainColors } from './figures/arm-style.js';
import { cardHtml } from './html/card-html.js';
import { styles } from './html/styles.js';
import { tableHtml, verdictHtml } from './html/table-html.js';
import type { HtmlContext } from './html/table-html.js';
import type { ReportData } from './report-data.js';
import { reportSections } from './sections/sections.js';

/**
 * The report as one self-contained HTML page: no script, no network (its content security policy forbids both), light and dark,
 * printable, every table with its CSV and every figure with its SVG. All text from data is escaped.
 */
export function renderReport(data: ReportData): string {
  const context: HtmlContext = { armLabel: Object.fromEntries(data.arms.map((arm) => [arm.id, arm.label])), armStyle: armStyles(data.arms) };
  const sections = reportSections(data);
  const contents = sections.map(({ id, title }) => `<li><a href="#${id}">${escapeHtml(title)}</a></li>`).join('');
  const body = sections.map(
    ({ id, title, blocks }) => `<section id="${id}" aria-labelledby="h-${id}"><h2 id="h-${id}">${escapeHtml(title)}</h2>\n${blocks.map((block) => blockHtml(block, context)).join('\n')}</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(data.title)}</title>
<style>${styles}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<div class="page">
<header>
<h1>${escapeHtml(data.title)}</h1>
${data.summary === undefined ? '' : `<p class="summary">${escapeHtml(data.summary)}</p>`}
<p class="byline">Run ${escapeHtml(data.run.id)}, ${escapeHtml(dateText(data.run.created))}</p>${relatedHtml(data)}
</header>
<nav aria-label="Contents"><div><ol>${contents}</ol></div></nav>
<main id="main">
${body.join('\n')}
<footer>Made by salmon from the rows stored with run ${escapeHtml(data.run.id)}. Intervals are 95%.</footer>
</main>
</div>
</body>
</html>
`;
}

function blockHtml(block: Block, context: HtmlContext): string {
  switch (block.kind) {
    case 'paragraph':
      return `<p${block.role === undefined ? '' : ` class="${block.role}"`}>${escapeHtml(block.text)}</p>`;
    case 'facts':
      return `<dl class="facts">${block.items.map(({ term, text }) => `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(text)}</dd>`).join('')}</dl>`;
    case 'table':
      return tableHtml(block, context);
    case 'figure':
      return figureHtml(block);
    case 'verdict':
      return verdictHtml(block, context);
    case 'cards':
      return `<ul class="cards">${block.cards.map(cardHtml).join('')}</ul>`;
  }
}

function figureHtml({ id, title, caption, svg }: Figure): string {
  const save = `<a class="save" download="${id}.svg" href="data:image/svg+xml;charset=utf-8,${encodeURIComponent(withPlainColors(svg))}">Save as SVG</a>`;
  return `<figure id="f-${id}"><figcaption><strong>${escapeHtml(title)}</strong>${escapeHtml(caption)} ${save}</figcaption>${svg}</figure>`;
}

function relatedHtml({ related = [] }: ReportData): string {
  if (related.length === 0) return '';
  const links = related.map(({ title, href }) => `<a href="${escapeHtml(encodeURI(href))}">${escapeHtml(title)}</a>`);
  return `\n<p class="byline">The other domains of this run: ${links.join(', ')}</p>`;
}

/** "2026-03-14 09:30 UTC"; text that is no date stays as it is. */
function dateText(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

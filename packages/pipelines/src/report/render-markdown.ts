import type { FeatureCard } from '@salmon-sae/dataflow';
import type { Block, Table } from './document.js';
import { escapeMarkdown, visibleToken } from './escape.js';
import { densityText } from './html/card-html.js';
import { formatCell, formatNumber } from './number-format.js';
import type { ReportData } from './report-data.js';
import { reportSections } from './sections/sections.js';

export interface MarkdownOptions {
  /** Folder of the figures' SVG files, relative to the Markdown file. */
  readonly figures: string;
}

export const markdownDefaults: MarkdownOptions = { figures: 'figures' };

/** The report as GitHub-flavoured Markdown, for a paper's appendix: the same sections and tables; figures are linked as SVG files. */
export function renderMarkdown(data: ReportData, options: Partial<MarkdownOptions> = {}): string {
  const { figures } = { ...markdownDefaults, ...options };
  const labels = Object.fromEntries(data.arms.map((arm) => [arm.id, arm.label]));
  const sections = reportSections(data).map(({ title, blocks }) => [`## ${escapeMarkdown(title)}`, ...blocks.flatMap((block) => blockMarkdown(block, { figures, labels }))].join('\n\n'));
  const head = [`# ${escapeMarkdown(data.title)}`, ...(data.summary === undefined ? [] : [escapeMarkdown(data.summary)]), `Run ${escapeMarkdown(data.run.id)}, ${escapeMarkdown(data.run.created)}.`, ...relatedMarkdown(data)];
  return `${[...head, ...sections].join('\n\n')}\n`;
}

function relatedMarkdown({ related = [] }: ReportData): readonly string[] {
  const links = related.map(({ title, href }) => `[${escapeMarkdown(title)}](${encodeURI(href.replace(/\.html$/, '.md'))})`);
  return links.length === 0 ? [] : [`The other domains of this run: ${links.join(', ')}.`];
}

interface MarkdownContext extends MarkdownOptions {
  readonly labels: Readonly<Record<string, string>>;
}

function blockMarkdown(block: Block, context: MarkdownContext): readonly string[] {
  switch (block.kind) {
    case 'paragraph':
      return [escapeMarkdown(block.text)];
    case 'facts':
      return [block.items.map(({ term, text }) => `- **${escapeMarkdown(term)}**: ${escapeMarkdown(text)}`).join('\n')];
    case 'table':
      return [`**${escapeMarkdown(block.title)}.** ${escapeMarkdown(block.caption)}`, tableMarkdown(block, context)];
    case 'figure':
      return [`![${escapeMarkdown(block.alt)}](${encodeURI(`${context.figures}/${block.id}.svg`)})`, `**${escapeMarkdown(block.title)}.** ${escapeMarkdown(block.caption)}`];
    case 'verdict':
      return [];
    case 'cards':
      return block.cards.map(cardMarkdown);
  }
}

function tableMarkdown({ columns, rows, armColumn }: Table, { labels }: MarkdownContext): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const head = line(columns.map(({ label }) => escapeMarkdown(label)));
  const rule = line(columns.map(({ format }) => (format === undefined ? '---' : '---:')));
  const body = rows.map((row) =>
    line(
      columns.map(({ id, format }, i) => {
        const cell = row[i] ?? null;
        return escapeMarkdown(id === armColumn && typeof cell === 'string' ? (labels[cell] ?? cell) : formatCell(cell, format));
      }),
    ),
  );
  return [head, rule, ...body].join('\n');
}

function cardMarkdown(card: FeatureCard): string {
  const title = card.explanation?.text ?? `Latent ${card.latent}`;
  const scores = (card.explanation?.scores ?? []).map(
    ({ scorer, metric, value, low, high, control }) =>
      `${scorer} ${metric} ${formatNumber(value, 'fixed2')} [${formatNumber(low, 'fixed2')}, ${formatNumber(high, 'fixed2')}]${control === undefined ? '' : `, control ${formatNumber(control, 'fixed2')}`}`,
  );
  const contexts = card.contexts.slice(0, 3).map(({ tokens, activations, peak }) => {
    const text = tokens.map((token, i) => {
      const shown = escapeMarkdown(visibleToken(token));
      if (!((activations[i] ?? 0) > 0) || shown.trim() === '') return shown;
      const [, before, word, after] = /^(\s*)(.*?)(\s*)$/s.exec(shown)!;
      return i === peak ? `${before}**${word}**${after}` : `${before}_${word}_${after}`;
    });
    return `  - ${text.join('')}`;
  });
  const promoted = card.promoted.length === 0 ? [] : [`  - promotes: ${card.promoted.slice(0, 8).map(({ token }) => `“${escapeMarkdown(visibleToken(token))}”`).join(', ')}`];
  const facts = [`${card.sae}, latent ${card.latent}`, `fires on ${densityText(card.density)}`, ...scores].map(escapeMarkdown).join('; ');
  return [`- **${escapeMarkdown(title)}** (${facts})`, ...promoted, ...contexts].join('\n');
}

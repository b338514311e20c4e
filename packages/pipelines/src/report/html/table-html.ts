import type { Cell, Column, Table, VerdictBlock } from '../document.js';
import { escapeHtml } from '../escape.js';
import type { ArmStyle } from '../figures/arm-style.js';
import { formatCell, formatInterval, formatNumber, measureFormat } from '../number-format.js';
import { tableCsv } from '../table-csv.js';
import type { Measure, VerdictItem } from '../report-data.js';
import { itemWidths, verdictRules } from '../verdict.js';

export interface HtmlContext {
  readonly armLabel: Readonly<Record<string, string>>;
  readonly armStyle: ReadonlyMap<string, ArmStyle>;
}

/** Longer tables scroll within their own frame, under a heading that stays. */
const rowsAtOnce = 18;

/** A table with caption, scoped headings and a CSV of its full-precision numbers. */
export function tableHtml(table: Table, context: HtmlContext): string {
  const numeric = table.columns.map((column, i) => column.format !== undefined || table.rows.some((row) => typeof row[i] === 'number' || isMeasure(row[i])));
  const head = table.columns.map((column, i) => `<th scope="col"${numeric[i] === true && !isArm(table, column) ? ' class="n"' : ''}>${escapeHtml(column.label)}</th>`).join('');
  const body = table.rows
    .map((row) => `<tr>${table.columns.map((column, i) => cellHtml(row[i] ?? null, { column, arm: isArm(table, column), numeric: numeric[i] === true, context })).join('')}</tr>`)
    .join('\n');
  const csv = `<a class="save" download="${table.id}.csv" href="data:text/csv;charset=utf-8,${encodeURIComponent(tableCsv(table))}">Save as CSV</a>`;
  const long = table.rows.length > rowsAtOnce ? ' long' : '';
  return `<div class="table${long}" role="region" aria-labelledby="t-${table.id}" tabindex="0"><table>
<caption id="t-${table.id}"><div class="cap"><strong>${escapeHtml(table.title)}</strong>${escapeHtml(table.caption)} ${csv}</div></caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}
</tbody></table></div>`;
}

/** Who wins each metric at low, mid and high L0, at a glance; width after width where there are several. */
export function verdictHtml({ items, armLabel }: VerdictBlock, context: HtmlContext): string {
  const levels = (['low', 'mid', 'high'] as const).filter((level) => items.some((item) => item.level === level));
  const rowsOf = (own: readonly VerdictItem[]): readonly string[] =>
    verdictRules
      .filter((rule) => own.some((item) => item.metric === rule.metric))
      .map((rule) => {
        const cells = levels.map((level) => verdictCell(own.find((item) => item.metric === rule.metric && item.level === level), armLabel, context));
        const unit = rule.unit === '' ? '' : `, ${rule.unit}`;
        return `<tr><th scope="row">${escapeHtml(rule.label)}<small style="display:block;font-weight:400;color:var(--soft)">${rule.better} is better${escapeHtml(unit)}</small></th>${cells.join('')}</tr>`;
      });
  const bodies = itemWidths(items).map((latents) => {
    const band = latents === undefined ? '' : `<tr><th scope="rowgroup" class="band" colspan="${levels.length + 1}">${formatNumber(latents, 'integer')} latents</th></tr>`;
    return `<tbody>${band}${rowsOf(items.filter((item) => item.latents === latents)).join('')}</tbody>`;
  });
  const names = { low: 'Few latents active', mid: 'Between', high: 'Many latents active' };
  const head = ['Metric', ...levels.map((level) => names[level])].map((name) => `<th scope="col">${name}</th>`).join('');
  return `<div class="table" role="region" aria-label="Verdict at a glance" tabindex="0"><table class="board"><thead><tr>${head}</tr></thead>${bodies.join('')}</table></div>`;
}

function verdictCell(item: VerdictItem | undefined, armLabel: Readonly<Record<string, string>>, context: HtmlContext): string {
  if (item === undefined) return '<td>–</td>';
  const winner = item.outcome === 'first' ? item.first.arm : item.outcome === 'second' ? item.second.arm : undefined;
  const title = winner === undefined ? (item.outcome === 'none' ? 'No difference found' : 'Not judged') : `${armMark(winner, context)}${escapeHtml(armLabel[winner] ?? winner)}`;
  const interval = formatInterval(item.difference, 'signed4');
  const where = [...(interval === undefined ? [] : [interval]), `at L0 ${formatNumber(item.l0, 'short3')}`].map((line) => `<small>${escapeHtml(line)}</small>`).join('');
  return `<td class="${item.outcome}"><strong>${title}</strong>${escapeHtml(formatNumber(item.difference.value, 'signed4'))}${where}</td>`;
}

/** The arm's sign in tables: its colour and its shape. */
export function armMark(arm: string, { armStyle }: HtmlContext): string {
  const style = armStyle.get(arm);
  return style === undefined ? '' : `<span class="arm ${style.symbol}" style="--arm:${style.color}" aria-hidden="true"></span>`;
}

interface CellContext {
  readonly column: Column;
  readonly arm: boolean;
  readonly numeric: boolean;
  readonly context: HtmlContext;
}

function cellHtml(cell: Cell, { column, arm, numeric, context }: CellContext): string {
  const tag = column.heading === true ? 'th scope="row"' : 'td';
  const end = column.heading === true ? 'th' : 'td';
  if (arm && typeof cell === 'string') return `<${tag}>${armMark(cell, context)}${escapeHtml(context.armLabel[cell] ?? cell)}</${end}>`;
  const kind = numeric ? ' class="n"' : ' class="t"';
  if (isMeasure(cell)) {
    const format = column.format ?? measureFormat;
    const interval = formatInterval(cell, format);
    return `<${tag}${kind}>${escapeHtml(formatNumber(cell.value, format))}${interval === undefined ? '' : `<small>${escapeHtml(interval)}</small>`}</${end}>`;
  }
  return `<${tag}${kind}>${escapeHtml(formatCell(cell, column.format))}</${end}>`;
}

function isMeasure(cell: Cell | undefined): cell is Measure {
  return typeof cell === 'object' && cell !== null;
}

function isArm(table: Table, column: Column): boolean {
  return table.armColumn === column.id;
}

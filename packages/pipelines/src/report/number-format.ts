import type { Cell, NumberFormat } from './document.js';
import type { Measure } from './report-data.js';

const minus = '−';
const missing = '–';

const writers: Readonly<Record<NumberFormat, (value: number) => string>> = {
  integer: (value) => grouped(Math.round(value)),
  short: (value) => short(value, 4),
  short3: (value) => (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1000) ? short(value, 3) : value.toPrecision(3)),
  fixed2: (value) => fixed(value, 2),
  fixed3: (value) => fixed(value, 3),
  fixed4: (value) => fixed(value, 4),
  percent: (value) => `${fixed(100 * value, 1)}%`,
  percent0: (value) => `${fixed(100 * value, 0)}%`,
  signed3: (value) => signed(value, fixed(value, 3)),
  signed4: (value) => signed(value, fixed(value, 4)),
  scientific: (value) => value.toExponential(2).replace('e+', 'e'),
  seconds: (value) => duration(value),
};

/** How a number with an interval is written where its column does not say. */
export const measureFormat: NumberFormat = 'short3';

/** A number in a table or sentence; what is not finite is written as a dash. */
export function formatNumber(value: number, format: NumberFormat): string {
  return Number.isFinite(value) ? writers[format](value).replace(/^-/, minus) : missing;
}

/** A cell as plain text, an interval in brackets after its value. */
export function formatCell(cell: Cell | undefined, format: NumberFormat | undefined): string {
  if (cell === null || cell === undefined) return missing;
  if (typeof cell === 'string') return cell;
  if (typeof cell === 'number') return formatNumber(cell, format ?? 'short');
  const how = format ?? measureFormat;
  const interval = formatInterval(cell, how);
  return interval === undefined ? formatNumber(cell.value, how) : `${formatNumber(cell.value, how)} ${interval}`;
}

/** "[low, high]", or undefined where there is no interval. */
export function formatInterval({ low, high }: Measure, format: NumberFormat): string | undefined {
  return low === undefined || high === undefined ? undefined : `[${formatNumber(low, format)}, ${formatNumber(high, format)}]`;
}

export function duration(seconds: number): string {
  if (seconds < 1) return `${fixed(seconds, 2)} s`;
  if (seconds < 90) return `${fixed(seconds, 1)} s`;
  const minutes = seconds / 60;
  return minutes < 90 ? `${fixed(minutes, 1)} min` : `${fixed(minutes / 60, 1)} h`;
}

function fixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text;
}

function signed(value: number, text: string): string {
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ' ');
}

/** So many significant digits without needless zeros; large whole numbers grouped. */
function short(value: number, digits: number): string {
  if (Number.isInteger(value)) return grouped(value);
  if (Math.abs(value) >= 1000) return grouped(Math.round(value));
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential(2);
  return String(Number(value.toPrecision(digits)));
}

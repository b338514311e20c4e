import Table from 'cli-table3';
import pc from 'picocolors';
import type { Measure, ReportData, SaeRow } from '../report/index.js';

/** The table at the end of a run: one line per SAE, both texts. */
export function armsTable(data: ReportData): string {
  const table = new Table({
    head: ['SAE', 'latents', 'L0\ndomain', 'L0\nbroad', 'var. expl.\ndomain', 'var. expl.\nbroad', 'ΔCE nats\ndomain', 'ΔCE nats\nbroad', 'live\ndomain'].map((text) => pc.bold(text)),
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
    chars: { top: '─', 'top-mid': '─', 'top-left': '', 'top-right': '', bottom: '─', 'bottom-mid': '─', 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', right: '', 'right-mid': '', mid: '─', 'mid-mid': '─', middle: '  ' },
  });
  for (const sae of data.saes) table.push(row(sae));
  return table.toString();
}

function row(sae: SaeRow): string[] {
  const { domain, broad } = sae.texts;
  return [
    sae.sae,
    String(sae.latents),
    number(domain?.l0, 1),
    number(broad?.l0, 1),
    number(domain?.fve, 3),
    number(broad?.fve, 3),
    number(domain?.deltaCe, 3),
    number(broad?.deltaCe, 3),
    domain?.liveShare === undefined ? '' : `${Math.round(100 * domain.liveShare.value)}%`,
  ];
}

function number(measure: Measure | undefined, digits: number): string {
  return measure === undefined ? '' : measure.value.toFixed(digits);
}

import type { ReportSection, Table } from '../document.js';
import type { ReportData } from '../report-data.js';
import { sectionOf } from './sae-section.js';

/** Further tables, budgets and definitions. */
export function ledgerSections(data: ReportData): readonly ReportSection[] {
  const extras = sectionOf(
    'more',
    'Further measurements',
    (data.extras ?? []).map(({ id, title, caption, columns, rows }): Table => ({
      kind: 'table',
      id,
      title,
      caption,
      columns: columns.map((column, i) => ({ ...column, ...(i === 0 ? { heading: true } : {}) })),
      rows,
    })),
  );
  return [extras, sectionOf('budgets', 'What each arm cost', [budgetTable(data)]), sectionOf('definitions', 'How each number is defined', [definitionTable(data)])].filter(
    (section) => section !== undefined,
  );
}

function budgetTable(data: ReportData): Table | undefined {
  if (data.budgets === undefined || data.budgets.length === 0) return undefined;
  return {
    kind: 'table',
    id: 'budgets',
    title: 'Budgets',
    caption: 'Latents, tokens seen, optimiser steps, wall time and arithmetic (floating-point operations of training, multiply and add counted apart) per SAE. Wall time of SAEs that learn from one pass over a text is shared.',
    columns: [
      { id: 'label', label: 'SAE', heading: true },
      { id: 'arm', label: 'Arm' },
      { id: 'latents', label: 'Latents', format: 'integer' },
      { id: 'tokens', label: 'Tokens', format: 'integer' },
      { id: 'steps', label: 'Steps', format: 'integer' },
      { id: 'wallSeconds', label: 'Wall time', format: 'seconds' },
      { id: 'flops', label: 'FLOPs', format: 'scientific' },
    ],
    rows: data.budgets.map((row) => [row.label, row.arm, row.latents, row.tokens, row.steps, row.wallSeconds ?? null, row.flops ?? null]),
    armColumn: 'arm',
  };
}

function definitionTable(data: ReportData): Table | undefined {
  if (data.definitions === undefined || data.definitions.length === 0) return undefined;
  return {
    kind: 'table',
    id: 'definitions',
    title: 'Definitions',
    caption: 'The id under which each number is stored with the run, and its formula.',
    columns: [
      { id: 'label', label: 'Metric', heading: true },
      { id: 'id', label: 'Definition id' },
      { id: 'formula', label: 'Formula' },
      { id: 'source', label: 'Source' },
    ],
    rows: data.definitions.map((row) => [row.label, row.id, row.formula, row.source ?? null]),
  };
}

import type { Block, ReportSection, Table } from '../document.js';
import type { ExtraTable, ReportData } from '../report-data.js';
import { sectionOf } from './sae-section.js';

/** Further tables, budgets and definitions. */
export function ledgerSections(data: ReportData): readonly ReportSection[] {
  const extras = sectionOf('more', 'Further measurements', (data.extras ?? []).map(extraBlock));
  return [extras, sectionOf('budgets', 'What each arm cost', [budgetTable(data)]), sectionOf('definitions', 'How each number is defined', [definitionTable(data)])].filter(
    (section) => section !== undefined,
  );
}

/** A further table; definitions that all rows share stand in the caption, and a table without rows is the sentence that says why. */
function extraBlock({ id, title, caption, columns, rows }: ExtraTable): Block {
  if (rows.length === 0) return { kind: 'paragraph', text: `${title}. ${caption}`, role: 'note' };
  const definition = columns.findIndex((column) => column.id === 'definition');
  const ids = new Set(rows.map((row) => row[definition]));
  const shared = definition !== -1 && ids.size === 1;
  const kept = columns.map((column, i) => ({ ...column, ...(i === 0 ? { heading: true } : {}) })).filter((_, i) => !shared || i !== definition);
  return {
    kind: 'table',
    id,
    title,
    caption: shared ? `${caption} Definitions: ${String(rows[0]?.[definition])}.` : caption,
    columns: kept,
    rows: shared ? rows.map((row) => row.filter((_, i) => i !== definition)) : rows,
  };
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

import type { ReportSection, Table } from '../document.js';
import { bosCurves } from '../figures/bos-curves.js';
import type { Measure, ReportData } from '../report-data.js';
import { sectionOf } from './sae-section.js';

/** The same SAEs with special tokens left out and left in, side by side. */
export function bosSection(data: ReportData): ReportSection | undefined {
  return sectionOf('bos', 'Special tokens: how much of a score is BOS', [bosCurves(data), bosTable(data)]);
}

function bosTable(data: ReportData): Table | undefined {
  const rows = (['domain', 'broad'] as const).flatMap((text) =>
    data.saes.flatMap((row) => {
      const metrics = row.texts[text];
      const withBos = metrics?.withBos;
      if (metrics === undefined || (withBos?.fve === undefined && withBos?.l0 === undefined)) return [];
      const gain: Measure | null = withBos.fve === undefined ? null : { value: withBos.fve.value - metrics.fve.value };
      return [[row.arm, text, row.latents, row.targetL0 ?? null, row.seed ?? null, metrics.l0, withBos.l0 ?? null, metrics.fve, withBos.fve ?? null, gain]];
    }),
  );
  if (rows.length === 0) return undefined;
  return {
    kind: 'table',
    id: 'bos',
    title: 'With and without special tokens',
    caption: 'FVE and L0 of every SAE with BOS, EOS and padding left out (out) and with BOS and EOS left in (in), same texts, same weights.',
    columns: [
      { id: 'arm', label: 'Arm', heading: true },
      { id: 'text', label: 'Text' },
      { id: 'latents', label: 'Latents', format: 'integer' },
      { id: 'targetL0', label: 'Target L0', format: 'short' },
      { id: 'seed', label: 'Seed', format: 'integer' },
      { id: 'l0', label: 'L0, out', format: 'short3' },
      { id: 'l0WithBos', label: 'L0, in', format: 'short3' },
      { id: 'fve', label: 'FVE, out', format: 'fixed4' },
      { id: 'fveWithBos', label: 'FVE, in', format: 'fixed4' },
      { id: 'gain', label: 'In minus out', format: 'signed4' },
    ],
    rows,
    armColumn: 'arm',
  };
}

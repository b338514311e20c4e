import type { ArmFacts, SaeRow } from './report-data.js';

/** Rows of the width that most of them have (the larger one of equals): curves must not mix widths. */
export function oneWidth(rows: readonly SaeRow[]): readonly SaeRow[] {
  const count = (latents: number): number => rows.filter((row) => row.latents === latents).length;
  const [main] = widthsOf(rows).toSorted((a, b) => count(b) - count(a) || b - a);
  return rows.filter((row) => row.latents === main);
}

/** The numbers of latents that occur, ascending. */
export function widthsOf(rows: readonly SaeRow[]): readonly number[] {
  return [...new Set(rows.map((row) => row.latents))].sort((a, b) => a - b);
}

/** Arms with more than one target L0, which make a curve; all arms where none has. */
export function armsWithCurves(arms: readonly ArmFacts[], saes: readonly SaeRow[]): readonly ArmFacts[] {
  const targets = (arm: ArmFacts): number => new Set(saes.filter((row) => row.arm === arm.id).map((row) => row.targetL0 ?? row.sae)).size;
  const curves = arms.filter((arm) => targets(arm) > 1);
  return curves.length === 0 ? arms.filter((arm) => targets(arm) > 0) : curves;
}

/** A sentence on what a figure leaves out; empty where it leaves out nothing. */
export function leftOutNote(arms: readonly ArmFacts[], saes: readonly SaeRow[]): string {
  const shown = armsWithCurves(arms, saes);
  const points = arms.filter((arm) => !shown.includes(arm) && saes.some((row) => row.arm === arm.id));
  const mixed = shown.filter((arm) => widthsOf(saes.filter((row) => row.arm === arm.id)).length > 1);
  const widths = mixed.length === 0 ? '' : ' One width per arm is drawn; the table has all.';
  return `${points.length === 0 ? '' : ` Arms with one target L0 (${points.map((arm) => arm.label).join(', ')}) are in the table only.`}${widths}`;
}

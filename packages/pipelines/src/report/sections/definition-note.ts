import type { ReportData } from '../report-data.js';

/** " Definitions: fve = <id>; ..." for the metrics named that have one; empty where the report carries none. */
export function definitionNote(data: ReportData, keys: readonly string[]): string {
  const found = keys.flatMap((key) => data.definitions?.filter((definition) => definition.key === key) ?? []);
  return found.length === 0 ? '' : ` Definitions: ${found.map(({ label, id }) => `${label} = ${id}`).join('; ')}.`;
}

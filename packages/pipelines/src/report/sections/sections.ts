import type { ReportSection } from '../document.js';
import type { ReportData } from '../report-data.js';
import { boostingReport } from './boosting-section.js';
import { bosSection } from './bos-section.js';
import { featureSections } from './feature-section.js';
import { ledgerSections } from './ledger-section.js';
import { paperSection } from './paper-section.js';
import { runSection } from './run-section.js';
import { darkMatterSection, paretoSection } from './sae-section.js';
import { scalingReport } from './scaling-section.js';
import { verdictSection } from './verdict-section.js';

/** The report's sections in reading order; those without data are left out. */
export function reportSections(data: ReportData): readonly ReportSection[] {
  return [
    verdictSection(data),
    runSection(data),
    paretoSection(data),
    darkMatterSection(data),
    boostingReport(data),
    bosSection(data),
    paperSection(data),
    scalingReport(data),
    ...featureSections(data),
    ...ledgerSections(data),
  ].filter((section) => section !== undefined);
}

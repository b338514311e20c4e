export { comparePaper } from './compare-paper.js';
export type { PaperComparison, PaperNumbers } from './compare-paper.js';
export { interpolateAt, l0Levels } from './curve.js';
export type { CurvePoint } from './curve.js';
export { gapParagraph, paperGap } from './paper-gap.js';
export type { GapRow } from './paper-gap.js';
export { nearestPaperRow, paperDarkMatter, paperRows, paperSettings } from './paper-rows.js';
export type { PaperDarkMatterRow, PaperRow, PaperSetting } from './paper-rows.js';
export { renderMarkdown } from './render-markdown.js';
export type { MarkdownOptions } from './render-markdown.js';
export { renderReport } from './render-report.js';
export type {
  ArmFacts,
  BoostingMeasures,
  BoostingPoint,
  BoostingRow,
  BoostingSection,
  BudgetRow,
  CardGroup,
  Definition,
  DetectionFacts,
  DensityHistogram,
  DomainOnlySection,
  ExtraTable,
  L0Level,
  Measure,
  MetricKey,
  OverlapRow,
  PaperSection,
  ReportData,
  RunFacts,
  SaeRow,
  ScalingPoint,
  ScalingRow,
  ScalingSection,
  TextFacts,
  TextKind,
  TextMetrics,
  Verdict,
  VerdictItem,
  VerdictMetric,
} from './report-data.js';
export { judge, verdictParagraph, verdictRules } from './verdict.js';
export type { VerdictOptions, VerdictRule } from './verdict.js';
export { writeReport } from './write-report.js';
export type { WriteReportOptions } from './write-report.js';

import type { FeatureCard } from '@salmon-sae/dataflow';

/** Everything a report shows, as plain JSON. Every section but the run's facts and the SAE rows is optional; what is absent is left out of the report. */
export interface ReportData {
  readonly version: 1;
  readonly title: string;
  /** One or two sentences on what was compared. */
  readonly summary?: string;
  readonly run: RunFacts;
  readonly arms: readonly ArmFacts[];
  readonly saes: readonly SaeRow[];
  readonly verdict?: Verdict;
  readonly densities?: readonly DensityHistogram[];
  readonly overlaps?: readonly OverlapRow[];
  readonly boosting?: BoostingSection;
  readonly paper?: PaperSection;
  readonly cards?: readonly CardGroup[];
  readonly domainOnly?: DomainOnlySection;
  readonly scaling?: ScalingSection;
  readonly budgets?: readonly BudgetRow[];
  /** Further tables (absorption, probing, description length, ...), shown in the order given. */
  readonly extras?: readonly ExtraTable[];
  readonly definitions?: readonly Definition[];
  /** Reports of the run's other domains, beside this one. */
  readonly related?: readonly { readonly title: string; readonly href: string }[];
}

export type TextKind = 'domain' | 'broad';

export interface RunFacts {
  readonly id: string;
  /** ISO 8601 date and time. */
  readonly created: string;
  readonly model: string;
  readonly hook: string;
  /** Width d of the activations. */
  readonly width: number;
  readonly backend: string;
  readonly machine?: string;
  readonly seeds: readonly number[];
  /** What happened to BOS and EOS in training. The main metrics leave them out in either case. */
  readonly specials: 'exclude' | 'include';
  readonly texts: Readonly<Record<TextKind, TextFacts>>;
  /** Package or tool -> version. */
  readonly versions: Readonly<Record<string, string>>;
  readonly configHash?: string;
  readonly command?: string;
  readonly wallSeconds?: number;
  readonly stages?: readonly { readonly name: string; readonly seconds: number }[];
}

export interface TextFacts {
  readonly name: string;
  readonly source?: string;
  readonly trainDocuments?: number;
  readonly trainTokens?: number;
  readonly evalDocuments: number;
  readonly evalTokens: number;
}

export interface ArmFacts {
  readonly id: string;
  readonly label: string;
  readonly description: string;
}

/** A number with its 95% interval, where there is one. */
export interface Measure {
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

export interface SaeRow {
  readonly sae: string;
  readonly arm: string;
  readonly latents: number;
  readonly targetL0?: number;
  readonly seed?: number;
  readonly texts: Readonly<Partial<Record<TextKind, TextMetrics>>>;
  readonly detection?: DetectionFacts;
}

/** Mean balanced accuracy of detecting latents by their explanations, over the latents that were scored; intervals over latents. */
export interface DetectionFacts {
  readonly latents: number;
  readonly score: Measure;
  /** The same latents with each other's explanations. */
  readonly shuffled?: Measure;
  /** Random directions, each as dense as one of the latents, explained and judged the same way. */
  readonly random?: Measure;
  /** Score minus the random direction's, latent by latent; over `paired` latents whose random direction could be scored. */
  readonly overRandom?: Measure;
  readonly paired?: number;
}

/** Names of the measures in `TextMetrics`; definitions use the same names. */
export type MetricKey =
  | 'l0'
  | 'fve'
  | 'deltaCe'
  | 'lossRecoveredZero'
  | 'lossRecoveredMean'
  | 'kl'
  | 'cosine'
  | 'liveShare'
  | 'denseShare'
  | 'darkR2Vector'
  | 'darkR2Norm'
  | 'fvuLinear'
  | 'fvuNonlinear';

/** Measured on one held-out text. Shares lie in [0, 1]; losses are in nats per token. */
export interface TextMetrics extends Readonly<Partial<Record<MetricKey, Measure>>> {
  readonly l0: Measure;
  readonly fve: Measure;
  /** The same metrics with BOS and the other special tokens left in. */
  readonly withBos?: Readonly<Partial<Record<MetricKey, Measure>>>;
}

export type L0Level = 'low' | 'mid' | 'high';

export interface VerdictItem {
  readonly metric: VerdictMetric;
  readonly level: L0Level;
  /** The measured L0 at which the arms are compared. */
  readonly l0: number;
  /** Width of both arms' SAEs, where the run has several. */
  readonly latents?: number;
  readonly first: { readonly arm: string; readonly value: number };
  readonly second: { readonly arm: string; readonly value: number };
  /** first - second. */
  readonly difference: Measure;
  readonly outcome: 'first' | 'second' | 'none' | 'untested';
  /** The rule's sentence. */
  readonly text: string;
}

export type VerdictMetric = 'fve' | 'deltaCe' | 'darkR2Vector' | 'liveShare' | 'detection';

export interface Verdict {
  readonly items: readonly VerdictItem[];
  readonly paragraph: string;
  /** How the intervals were made. */
  readonly note: string;
}

export interface DensityHistogram {
  readonly sae: string;
  readonly arm: string;
  readonly text: TextKind;
  /** log10 of the share of tokens a latent is active on; one more edge than counts. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  /** Latents that never fired. */
  readonly silent: number;
}

export interface OverlapRow {
  readonly first: string;
  readonly second: string;
  /** Why this pair is shown (two arms, two seeds of one arm, ...). */
  readonly relation: string;
  readonly shared: number;
  readonly of: number;
  /** Both cosines of a matched pair must reach this to count as shared. */
  readonly threshold: number;
  readonly meanCosine?: number;
}

export interface BoostingSection {
  readonly base: string;
  readonly rows: readonly BoostingRow[];
  /** Domain gain by training tokens of the residual SAE. */
  readonly byTokens?: readonly BoostingPoint[];
  /** Domain gain by k of the residual SAE. */
  readonly byK?: readonly BoostingPoint[];
}

export interface BoostingRow {
  /** An arm's id (shown by its label) or a name. */
  readonly method: string;
  readonly role: 'base' | 'boosted' | 'baseline';
  readonly latents: number;
  readonly tokens?: number;
  readonly domain: BoostingMeasures;
  readonly broad: BoostingMeasures;
  /** Share of broad tokens on which no residual latent fires, so that the output is exactly the base's. */
  readonly silentBroad?: number;
}

export interface BoostingMeasures {
  readonly l0: Measure;
  readonly fve: Measure;
  readonly deltaCe?: Measure;
  /** FVE minus the base's, paired by document. */
  readonly fveChange?: Measure;
  readonly deltaCeChange?: Measure;
}

export interface BoostingPoint {
  readonly at: number;
  readonly domainFve: Measure;
  readonly broadFve: Measure;
}

export interface PaperSection {
  /** The paper's model and width that ours is laid beside. */
  readonly setting: '2b-16k' | '2b-65k' | '9b-16k' | '9b-32k';
  readonly domainArm: string;
  readonly broadArm: string;
}

export interface CardGroup {
  readonly title: string;
  readonly intro?: string;
  readonly cards: readonly FeatureCard[];
}

export interface DomainOnlySection {
  readonly sae: string;
  readonly against: string;
  readonly threshold: number;
  readonly count: number;
  readonly of: number;
  readonly cards: readonly FeatureCard[];
}

/** How the loss falls with the width of the SAE. */
export interface ScalingSection {
  /** Widths that the run has, and how many a law with a goodness of fit needs. */
  readonly widths: number;
  readonly needed: number;
  readonly rows: readonly ScalingRow[];
}

/** One arm on one text. */
export interface ScalingRow {
  readonly arm: string;
  readonly text: TextKind;
  /** Seeds that have every width. */
  readonly seeds: number;
  /** The measured L0 at which all widths were read; absent where their L0 do not overlap. */
  readonly l0?: number;
  readonly points: readonly ScalingPoint[];
  /** Slope of log loss on log width. */
  readonly exponent: Measure;
  /** loss ≈ coefficient · width^exponent */
  readonly coefficient: number;
  readonly r2?: number;
  /** The exponents of capacity allocation; `beta` is absent where it is only known to exceed `alpha`. */
  readonly capacity?: { readonly regime: 'features' | 'manifolds'; readonly alpha: number; readonly beta?: number; readonly directionsExponent: number };
}

export interface ScalingPoint {
  readonly latents: number;
  readonly l0: number;
  /** Fraction of variance unexplained. */
  readonly loss: Measure;
  /** Live latents without a near-copy. */
  readonly directions?: number;
  /** Loss of the fitted capacity-allocation model. */
  readonly predicted?: number;
}

export interface BudgetRow {
  readonly label: string;
  readonly arm: string;
  readonly latents: number;
  readonly tokens: number;
  readonly steps: number;
  readonly wallSeconds?: number;
  readonly flops?: number;
}

export interface ExtraTable {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly columns: readonly { readonly id: string; readonly label: string }[];
  readonly rows: readonly (readonly (string | number | null | Measure)[])[];
}

export interface Definition {
  /** The metric's key in this report, or any other name. */
  readonly key: string;
  /** The id under which the rows are stored. */
  readonly id: string;
  readonly label: string;
  readonly formula: string;
  readonly source?: string;
}

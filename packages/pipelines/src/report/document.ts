import type { FeatureCard } from '@salmon-sae/dataflow';
import type { Measure, VerdictItem } from './report-data.js';

/** The report before it is rendered: the same sections become HTML, Markdown, CSV and SVG files. */
export interface ReportSection {
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
}

export type Block = Paragraph | Facts | Table | Figure | VerdictBlock | Cards;

export interface Paragraph {
  readonly kind: 'paragraph';
  readonly text: string;
  readonly role?: 'lead' | 'note';
}

export interface Facts {
  readonly kind: 'facts';
  readonly items: readonly { readonly term: string; readonly text: string }[];
}

export type Cell = string | number | null | Measure;

export interface Column {
  readonly id: string;
  readonly label: string;
  /** How numbers are written; text columns have none. */
  readonly format?: NumberFormat;
  /** The first column of this kind names the row. */
  readonly heading?: boolean;
}

export type NumberFormat = 'integer' | 'short' | 'short3' | 'fixed2' | 'fixed3' | 'fixed4' | 'percent' | 'percent0' | 'signed3' | 'signed4' | 'scientific' | 'seconds';

export interface Table {
  readonly kind: 'table';
  readonly id: string;
  readonly title: string;
  /** What one sees, with units and the ids of the definitions. */
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  /** Column whose value is an arm id: its label gets the arm's mark. */
  readonly armColumn?: string;
}

export interface Figure {
  readonly kind: 'figure';
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  /** One sentence for readers who do not see the picture. */
  readonly alt: string;
  readonly svg: string;
}

export interface VerdictBlock {
  readonly kind: 'verdict';
  readonly items: readonly VerdictItem[];
  readonly armLabel: Readonly<Record<string, string>>;
}

export interface Cards {
  readonly kind: 'cards';
  readonly cards: readonly FeatureCard[];
}

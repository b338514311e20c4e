/** The JSON that the page reads, from the server and from the static site alike. Only types and constants: the page imports them. */

import type { FeatureCard } from '@salmon-sae/dataflow';

/** Cards in one `cards/<chunk>.json`. */
export const CARDS_PER_CHUNK = 64;

/** What explainers say when they found nothing: no label. */
export const NO_LABEL = 'No lexical pattern found.';

export interface MeasureData {
  readonly value: number;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

/** `data/run.json` */
export interface RunData {
  readonly version: 1;
  readonly title: string;
  readonly summary: string;
  readonly id: string;
  readonly created: string;
  readonly model: string;
  readonly hook: string;
  readonly width: number;
  /** The server has the language model: `live/encode` and `live/steer` answer. */
  readonly live: boolean;
  readonly verdict: string;
  readonly arms: readonly ArmData[];
  readonly sets: readonly SetData[];
  readonly saes: readonly SaeData[];
  readonly densities: readonly DensityData[];
}

export interface ArmData {
  readonly id: string;
  readonly label: string;
  readonly description: string;
}

/** The cards of one SAE read on one text. */
export interface SetData {
  readonly id: string;
  readonly sae: string;
  readonly text: string;
  readonly arm: string;
  readonly latents: number;
  readonly targetL0: number | null;
  readonly seed: number | null;
  readonly headline: boolean;
  /** Latents that fired, each with a card. */
  readonly cards: number;
}

export interface SaeData {
  readonly sae: string;
  readonly arm: string;
  readonly latents: number;
  readonly targetL0: number | null;
  readonly seed: number | null;
  /** Text kind (domain, broad) -> metric -> value. */
  readonly texts: Readonly<Record<string, Readonly<Record<string, MeasureData>>>>;
}

export interface DensityData {
  readonly sae: string;
  readonly arm: string;
  readonly text: string;
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  readonly silent: number;
}

/** `data/<set>/features.json`: one entry per card, in the order of the card file. */
export interface FeaturesData {
  readonly set: string;
  readonly latent: readonly number[];
  readonly density: readonly number[];
  readonly max: readonly number[];
  /** Detection score (balanced accuracy) of the explanation; null where there is none. */
  readonly score: readonly (number | null)[];
  readonly explanation: readonly string[];
  /** The token on which it peaks most often. */
  readonly token: readonly string[];
  /** Words at the peaks with their counts, most frequent first: "taste:4 tongue:2". */
  readonly words: readonly string[];
  readonly contexts: readonly number[];
  /** Class of a dense latent, "" where it is not dense, null in runs that did not look. */
  readonly dense: readonly (string | null)[];
  /** Share of the latent's active tokens that lie in the text the set is named after; null in runs that did not record it. */
  readonly domain: readonly (number | null)[];
  /** Other SAE -> its nearest latent by decoder cosine. */
  readonly near: Readonly<Record<string, NearData>>;
}

export interface NearData {
  readonly latent: readonly (number | null)[];
  readonly cosine: readonly (number | null)[];
}

/** `data/<set>/cards/<chunk>.json` */
export interface CardsData {
  readonly cards: readonly FeatureCard[];
}

/** `data/<set>/map.json`: decoder rows in two dimensions, scaled to 0..1. */
export interface MapData {
  readonly set: string;
  readonly method: string;
  /** Live latents of the SAE; more than the points where a sample was drawn. */
  readonly of: number;
  readonly latent: readonly number[];
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Answer of `live/encode`. */
export interface EncodeData {
  readonly tokens: readonly string[];
  readonly sets: readonly {
    readonly set: string;
    /** Per token: the strongest latents that fire, strongest first. */
    readonly fired: readonly (readonly FiredData[])[];
  }[];
}

export interface FiredData {
  readonly latent: number;
  readonly value: number;
}

/** Answer of `live/steer`. */
export interface SteerData {
  readonly prompt: string;
  readonly plain: string;
  readonly steered: string;
  /** What was added at every position, as a multiple of the decoder row. */
  readonly added: number;
}

/** What a rater's page gets. Nothing here may depend on the arm. */
export interface RatingItemData {
  readonly id: string;
  readonly label: string;
  readonly contexts: readonly { readonly tokens: readonly string[]; readonly strengths: readonly number[] }[];
}

export interface RatingStateData {
  readonly done: number;
  readonly total: number;
  readonly canUndo: boolean;
  readonly item: RatingItemData | null;
}

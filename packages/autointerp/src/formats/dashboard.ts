import type { FeatureCard, FeatureContext } from '@salmon-sae/dataflow';
import type { LinearBars } from '../examples/activation-bins.js';

/** What a dashboard shows beyond a card. */
export interface DashboardExtras {
  /** All activations in bars of equal width (`LatentStatistics.bars`). */
  readonly bars?: LinearBars;
  /** Nearest decoder rows of the same SAE; default: the card's neighbours in it. */
  readonly similar?: readonly { readonly latent: number; readonly cosine: number }[];
  /** The decoder row. */
  readonly vector?: Float32Array;
  readonly prompts: number;
  readonly tokensInPrompt: number;
  readonly dataset: string;
}

export interface DashboardActivation {
  readonly bin_min: number;
  readonly bin_max: number;
  readonly bin_contains: number;
  readonly tokens: readonly string[];
  readonly values: readonly number[];
  readonly qualifying_token_index: number;
}

/** One feature of SAEDashboard's batch file. Lists about neurons and other features stay empty: they are not measured. */
export interface DashboardFeature {
  readonly feature_index: number;
  readonly neuron_alignment_indices: readonly number[];
  readonly neuron_alignment_values: readonly number[];
  readonly neuron_alignment_l1: readonly number[];
  readonly correlated_neurons_indices: readonly number[];
  readonly correlated_neurons_l1: readonly number[];
  readonly correlated_neurons_pearson: readonly number[];
  readonly correlated_features_indices: readonly number[];
  readonly correlated_features_l1: readonly number[];
  readonly correlated_features_pearson: readonly number[];
  readonly neg_str: readonly string[];
  readonly neg_values: readonly number[];
  readonly pos_str: readonly string[];
  readonly pos_values: readonly number[];
  readonly frac_nonzero: number;
  readonly freq_hist_data_bar_values: readonly number[];
  readonly freq_hist_data_bar_heights: readonly number[];
  readonly logits_hist_data_bar_values: readonly number[];
  readonly logits_hist_data_bar_heights: readonly number[];
  readonly n_prompts_total: number;
  readonly n_tokens_in_prompt: number;
  readonly dataset: string;
  readonly decoder_weights_dist: readonly number[];
  readonly vector: readonly number[];
  readonly activations: readonly DashboardActivation[];
}

export interface DashboardBatch {
  readonly model_id: string;
  readonly layer: number;
  readonly sae_set: string;
  readonly sae_id_suffix: string | null;
  readonly features: readonly DashboardFeature[];
}

export function dashboardFeature(card: FeatureCard, extras: DashboardExtras): DashboardFeature {
  const total = card.contexts.length === 0 ? 0 : card.contexts.filter((c) => c.quantile >= 0).length;
  const { step, counts } = extras.bars ?? { step: 0, counts: [] };
  return {
    feature_index: card.latent,
    neuron_alignment_indices: [],
    neuron_alignment_values: [],
    neuron_alignment_l1: [],
    correlated_neurons_indices: [],
    correlated_neurons_l1: [],
    correlated_neurons_pearson: [],
    correlated_features_indices: [],
    correlated_features_l1: [],
    correlated_features_pearson: [],
    neg_str: card.suppressed.map((e) => e.token),
    neg_values: card.suppressed.map((e) => e.value),
    pos_str: card.promoted.map((e) => e.token),
    pos_values: card.promoted.map((e) => e.value),
    frac_nonzero: card.density,
    freq_hist_data_bar_values: counts.map((_, k) => (k + 0.5) * step),
    freq_hist_data_bar_heights: counts,
    logits_hist_data_bar_values: [],
    logits_hist_data_bar_heights: [],
    n_prompts_total: extras.prompts,
    n_tokens_in_prompt: extras.tokensInPrompt,
    dataset: extras.dataset,
    decoder_weights_dist: [],
    vector: extras.vector === undefined ? [] : Array.from(extras.vector),
    activations: card.contexts.map((context) => activation(context, card, total)),
  };
}

/** Top contexts carry -1 as bin, like SAEDashboard's; a quantile's bin is the range of peaks seen in it. */
function activation(context: FeatureContext, card: FeatureCard, sampled: number): DashboardActivation {
  const same = card.contexts.filter((c) => c.quantile === context.quantile).map((c) => c.peak);
  const top = context.quantile < 0;
  return {
    bin_min: top ? -1 : Math.min(...same),
    bin_max: Math.max(...same),
    bin_contains: top ? -1 : same.length / Math.max(1, sampled),
    tokens: context.tokens,
    values: context.activations,
    qualifying_token_index: Math.max(0, context.activations.indexOf(context.peak)),
  };
}

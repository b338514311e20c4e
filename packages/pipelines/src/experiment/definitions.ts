import type { Definition, MetricKey } from '../report/index.js';

/** Which stored metric each column of the report shows. */
export const METRIC_IDS: Readonly<Record<MetricKey, string>> = {
  l0: 'l0@1',
  fve: 'fve_pooled@1',
  deltaCe: 'delta_ce@1',
  lossRecoveredZero: 'loss_recovered_zero@1',
  lossRecoveredMean: 'loss_recovered_mean@1',
  kl: 'kl@1',
  cosine: 'cosine@1',
  liveShare: 'latents_live@1',
  denseShare: 'latents_dense@1',
  darkR2Vector: 'dark_r2_vector_pooled@1',
  darkR2Norm: 'dark_r2_norm@1',
  fvuLinear: 'dark_fvu_linear@1',
  fvuNonlinear: 'dark_fvu_nonlinear@1',
};

/** x activation, x̂ reconstruction, e = x − x̂, ê its linear prediction from x; sums over held-out tokens in float64. */
export const METRIC_DEFINITIONS: readonly Definition[] = [
  { key: 'l0', id: METRIC_IDS.l0, label: 'L0', formula: 'mean over tokens of the number of active latents' },
  { key: 'fve', id: METRIC_IDS.fve, label: 'Variance explained', formula: '1 − Σ‖x − x̂‖² / Σ‖x − x̄‖², pooled over tokens; a constant offset counts as error', source: 'arXiv 2410.14670' },
  { key: 'deltaCe', id: METRIC_IDS.deltaCe, label: 'Delta CE', formula: 'next-token cross-entropy with x̂ spliced in minus clean, nats per token', source: 'arXiv 2408.05147' },
  { key: 'lossRecoveredZero', id: METRIC_IDS.lossRecoveredZero, label: 'Loss recovered (zero ablation)', formula: '(CE_zero − CE_spliced) / (CE_zero − CE_clean)', source: 'arXiv 2404.16014' },
  { key: 'lossRecoveredMean', id: METRIC_IDS.lossRecoveredMean, label: 'Loss recovered (mean ablation)', formula: '(CE_mean − CE_spliced) / (CE_mean − CE_clean)' },
  { key: 'kl', id: METRIC_IDS.kl, label: 'KL', formula: 'KL(clean ‖ spliced) of the next-token distribution, nats per token' },
  { key: 'cosine', id: METRIC_IDS.cosine, label: 'Cosine', formula: 'mean over tokens of cos(x, x̂)' },
  { key: 'liveShare', id: METRIC_IDS.liveShare, label: 'Live latents', formula: 'share of latents active on at least one held-out token' },
  { key: 'denseShare', id: METRIC_IDS.denseShare, label: 'Dense latents', formula: 'share of latents active on more than a tenth of the tokens', source: 'arXiv 2506.15679' },
  { key: 'darkR2Vector', id: METRIC_IDS.darkR2Vector, label: 'Linear residual (R² of the error)', formula: '1 − Σ‖e − ê‖² / Σ‖e − ē‖² on 40% of tokens not fitted on', source: 'arXiv 2410.14670' },
  { key: 'darkR2Norm', id: METRIC_IDS.darkR2Norm, label: 'R² of the squared error norm', formula: 'R² of ‖e‖² predicted linearly from x', source: 'arXiv 2410.14670' },
  { key: 'fvuLinear', id: METRIC_IDS.fvuLinear, label: 'Linear part of the error', formula: 'FVU − nonlinear part', source: 'arXiv 2410.14670' },
  { key: 'fvuNonlinear', id: METRIC_IDS.fvuNonlinear, label: 'Nonlinear part of the error', formula: 'Σ‖x − (x̂ + ê)‖² / Σ‖x − x̄‖²', source: 'arXiv 2410.14670' },
  { key: 'description_length', id: 'description_length@1', label: 'Description length', formula: 'least Σ_i H_b(p_i) + p_i H(q_i) over bin counts whose decoding raises the normalised squared error by at most 0.01, bits per token', source: 'arXiv 2410.11179' },
  { key: 'dense_mass', id: 'dense_mass@1', label: 'Mass of dense latents', formula: 'share of Σ|f| held by latents active on more than a tenth of the tokens', source: 'arXiv 2506.15679' },
  { key: 'antipodal', id: 'antipodal@1', label: 'Antipodal score', formula: 'max_j cos_enc · cos_dec over j with both negative', source: 'arXiv 2506.15679' },
  { key: 'decoder_redundant', id: 'decoder_redundant@1', label: 'Decoder redundancy', formula: 'share of latents with max_{j≠i} cos(W_dec,i, W_dec,j) > 0.9', source: 'arXiv 2410.08201' },
  { key: 'feature_splitting', id: 'feature_splitting@1', label: 'Feature splitting', formula: 'of narrow latents with a counterpart in the wide SAE, the share with two or more' },
  { key: 'absorption_full', id: 'absorption_full@1', label: 'Full absorption', formula: 'mean over parents of the rate at which all split latents are silent and another carries the probe direction', source: 'arXiv 2409.14507' },
  { key: 'absorption_fraction', id: 'absorption_fraction@1', label: 'Absorption fraction', formula: 'share of the probe direction carried by others, A / (A + M)', source: 'arXiv 2503.09532' },
  { key: 'sparse_probe_k1', id: 'sparse_probe_k1@1', label: 'k-sparse probe', formula: 'held-out balanced accuracy of logistic regression on the k latents of largest class-mean difference', source: 'arXiv 2503.09532' },
  { key: 'tpp_pooled_n', id: 'tpp_pooled_n<n>@1', label: 'Targeted probe perturbation', formula: 'mean_i drop_ii − mean_{i≠j} drop_ij, drop_ij: fall of balanced accuracy of probe j when the n latents with most effect on probe i are zeroed; activations and codes averaged over each document', source: 'arXiv 2503.09532' },
  { key: 'scr_pooled_mean_n', id: 'scr_pooled_mean_n<n>@1', label: 'Spurious correlation removal', formula: '(acc_ablated − acc_base) / (acc_oracle − acc_base) on the four combinations alike, the n latents with most effect on the spurious probe set to their mean', source: 'arXiv 2503.09532' },
  { key: 'meta_fve', id: 'meta_fve@1', label: 'Meta-SAE', formula: 'fve_pooled@1 of the unit decoder rows under a TopK SAE with k = 4 and a quarter of the latents trained on them', source: 'arXiv 2503.09532' },
  { key: 'width_exponent', id: 'width_exponent(fvu_pooled@1)@1', label: 'Width exponent', formula: 'least-squares slope of log FVU on log width at one measured L0', source: 'arXiv 2509.02565' },
  { key: 'dare_accuracy', id: 'dare_accuracy@1', label: 'Domain-adjusted accuracy', formula: 'leave-one-domain-out accuracy of domain-adjusted regression with averaged whitening', source: 'arXiv 2202.06856' },
  { key: 'frr_latents_used', id: 'frr_latents_used@1', label: 'Latents used', formula: '(Σ s_d)² / Σ s_d², s_d = Σ_c W_cd², of a head under the feature reconstruction regularizer', source: 'arXiv 2210.01360' },
];

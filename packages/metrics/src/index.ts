export { accumulate } from './accumulator.js';
export type { Accumulator } from './accumulator.js';
export { interval, quantileOfSorted, recentred } from './documents/estimate.js';
export type { Estimate, Sampled } from './documents/estimate.js';
export { BOOTSTRAP_DEFAULTS, documentBootstrap, drawCounts } from './documents/document-bootstrap.js';
export type { BootstrapOptions, DocumentBootstrap } from './documents/document-bootstrap.js';
export { documentUnits } from './documents/document-units.js';
export type { DocumentUnits } from './documents/document-units.js';
export { documentSums } from './documents/document-sums.js';
export type { DocumentSums } from './documents/document-sums.js';
export { toRows } from './rows/to-rows.js';
export type { RowSubject } from './rows/to-rows.js';
export { sampledFromJson, sampledToJson } from './rows/sampled-json.js';
export { excludesZero, pairedDifference } from './compare/paired-difference.js';
export { interpolateAtL0, sharedL0 } from './compare/interpolate-at-l0.js';
export type { CurvePoint } from './compare/interpolate-at-l0.js';
export { independentDifference } from './compare/independent-difference.js';
export { acrossSeeds } from './compare/across-seeds.js';
export {
  evaluateReconstruction,
  measureReconstruction,
  reconstructionAccumulator,
} from './reconstruction/evaluate-reconstruction.js';
export type { ReconstructionOptions, ReconstructionRequest } from './reconstruction/evaluate-reconstruction.js';
export type { LatentActivity, ReconstructionEvaluation, SaeReconstruction } from './reconstruction/evaluation.js';
export type { NamedSae, Reconstructor } from './reconstruction/named-sae.js';
export { totalVariation } from './reconstruction/moments.js';
export type { ReconstructionMetric, ReconstructionMoments } from './reconstruction/moments.js';
export { reconstructionMetrics } from './reconstruction/all.js';
export { fvePooled, fvuPooled } from './reconstruction/fve-pooled.js';
export { fveResidualVariance } from './reconstruction/fve-residual-variance.js';
export { fveToken } from './reconstruction/fve-token.js';
export { fveDimension } from './reconstruction/fve-dimension.js';
export { cosine } from './reconstruction/cosine.js';
export { errorNorm, mse, mseElement } from './reconstruction/mse.js';
export { normalisedMse } from './reconstruction/normalised-mse.js';
export { l2Ratio } from './reconstruction/l2-ratio.js';
export { relativeReconstructionBias } from './reconstruction/relative-reconstruction-bias.js';
export { l0, l1 } from './reconstruction/l0.js';
export { deadLatents, liveLatents } from './sparsity/live-latents.js';
export { latentActivity } from './sparsity/latent-activity.js';
export { denseShare } from './sparsity/dense-share.js';
export { densities, densityHistogram } from './sparsity/density-histogram.js';
export type { DensityHistogram, DensityHistogramOptions } from './sparsity/density-histogram.js';
export type { LatentShare } from './sparsity/latent-share.js';
export { evaluateLoss, lossAccumulator, lossMetrics } from './loss/evaluate-loss.js';
export type { LossEvaluation, LossOptions, LossRequest, LossTask, SaeLoss } from './loss/evaluate-loss.js';
export type { LossMetric, LossMoments } from './loss/loss-moments.js';
export { ceClean, ceMean, ceSpliced, ceZero, deltaCe } from './loss/delta-ce.js';
export { kl, klRecoveredMean, klRecoveredZero } from './loss/kl.js';
export { lossRecoveredMean, lossRecoveredZero } from './loss/loss-recovered.js';
export { meanActivation } from './loss/mean-activation.js';
export { darkMatter, DARK_MATTER_DEFAULTS } from './dark-matter/dark-matter.js';
export type { DarkMatterEvaluation, DarkMatterOptions, DarkMatterRequest, SaeDarkMatter } from './dark-matter/dark-matter.js';
export {
  darkFvu,
  darkFvuLinear,
  darkFvuNonlinear,
  darkMatterMetrics,
  darkR2Norm,
  darkR2VectorMean,
  darkR2VectorPooled,
} from './dark-matter/metrics.js';
export type { DarkMatterMetric, DarkMatterMoments } from './dark-matter/metrics.js';
export type { ErrorFit, LinearError } from './dark-matter/fit.js';
export type { DarkMatterSplit } from './dark-matter/split.js';
export { withLinearError } from './dark-matter/with-linear-error.js';
export { dictionaryLearningMetrics } from './peers/dictionary-learning.js';
export { saebenchMetrics, saelensMetrics } from './peers/saelens.js';
export type { PeerMetrics } from './peers/saelens.js';
export type { PeerBatch } from './peers/batch-moments.js';
export { batchesOf, codesOf, constantAnchor, gaussianRows, identityAnchor } from './anchors/anchors.js';
export type { PlantedOptions, PlantedRows } from './anchors/anchors.js';
export { sampleMean } from './documents/sample-mean.js';
export { sampleRows } from './documents/sample-rows.js';
export type { RowSums } from './documents/sample-rows.js';
export { directionsOf, selectDirections, unitRows } from './geometry/directions.js';
export type { Directions } from './geometry/directions.js';
export { assign } from './geometry/assignment.js';
export type { CostMatrix } from './geometry/assignment.js';
export { featureOverlap, SHARED_COSINE } from './geometry/feature-overlap.js';
export type { FeatureOverlap, MatchedPair } from './geometry/feature-overlap.js';
export { uniqueLatents } from './geometry/unique-latents.js';
export type { Counterpart, UniqueLatents } from './geometry/unique-latents.js';
export { featureSplitting } from './geometry/feature-splitting.js';
export type { FeatureSplitting } from './geometry/feature-splitting.js';
export { decoderRedundancy } from './geometry/decoder-redundancy.js';
export type { DecoderRedundancy } from './geometry/decoder-redundancy.js';
export { antipodalPairs } from './geometry/antipodal-pairs.js';
export type { AntipodalPairs } from './geometry/antipodal-pairs.js';
export { descriptionLength } from './description/description-length.js';
export type { DecodingSae, DescriptionLength, DescriptionLengthOptions, Quantisation } from './description/description-length.js';
export { denseLatents } from './dense/dense-latents.js';
export type { DenseClass, DenseLatent, DenseLatents, DenseRequest } from './dense/dense-latents.js';
export type { DenseSampleOptions } from './dense/dense-sample.js';
export type { Unembedding } from './dense/nullspace-class.js';
export { absorption, ABSORPTION_DEFAULTS } from './absorption/absorption.js';
export type { Absorption, AbsorptionClass, AbsorptionOptions, ClassAbsorption, ReadableSae } from './absorption/absorption.js';
export type { AbsorbedWord, WordScore } from './absorption/absorbed-word.js';
export { firstLetterClasses } from './absorption/first-letter.js';
export { hierarchyAbsorption, taxonomyClasses } from './absorption/hierarchy-absorption.js';
export type { Absorber, HierarchyAbsorption, HierarchyOptions, TaxonomyParent } from './absorption/hierarchy-absorption.js';
export { chooseRows, joinRows, labelRows, splitRows } from './probes/labelled-rows.js';
export type { LabelledRows } from './probes/labelled-rows.js';
export { kSparseProbing } from './probes/k-sparse-probing.js';
export type { SparseProbe, SparseProbing, SparseProbingOptions } from './probes/k-sparse-probing.js';
export { logisticRegression, logits } from './probes/logistic-regression.js';
export type { DenseRows, LogisticOptions, LogisticProbe } from './probes/logistic-regression.js';
export { auroc, f1, f1OfLogits, spearman } from './probes/scores.js';
export { targetedProbePerturbation } from './interventions/targeted-probe-perturbation.js';
export type { Tpp, TppOptions } from './interventions/targeted-probe-perturbation.js';
export { spuriousCorrelationRemoval } from './interventions/spurious-correlation-removal.js';
export type { Scr, ScrOptions, ScrTask } from './interventions/spurious-correlation-removal.js';
export { dare } from './transfer/dare.js';
export type { Dare, DareOptions } from './transfer/dare.js';
export { frrHead } from './transfer/frr.js';
export type { FrrHead, FrrOptions } from './transfer/frr.js';
export type { DomainRows } from './transfer/dense-task.js';
export { allocateCapacity, discreteFeature, manifoldFeature, powerLawFrequencies } from './scaling/capacity-allocation.js';
export type { CapacityAllocation, FeatureLoss } from './scaling/capacity-allocation.js';
export { fitCapacity } from './scaling/fit-capacity.js';
export type { CapacityFit, WidthSweep } from './scaling/fit-capacity.js';
export { fitPowerLaw, sweepExponent } from './scaling/power-law.js';
export type { PowerLaw } from './scaling/power-law.js';
export { metaSae } from './meta/meta-sae.js';
export type { MetaSae, MetaSaeOptions } from './meta/meta-sae.js';

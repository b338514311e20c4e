import type { ActivationBatch, LanguageModel } from '@salmon-sae/dataflow';
import type { ReadableSae } from '../absorption/absorption.js';
import type { SaeState } from '@salmon-sae/dataflow';
import { antipodalPairs } from '../geometry/antipodal-pairs.js';
import { directionsOf } from '../geometry/directions.js';
import { auroc } from '../probes/scores.js';
import type { LatentActivity } from '../reconstruction/evaluation.js';
import { BINDING_GAIN, signPersistence } from './binding-class.js';
import type { DenseSample, DenseSampleOptions } from './dense-sample.js';
import { denseSample } from './dense-sample.js';
import type { Unembedding } from './nullspace-class.js';
import { NULLSPACE_SHARE, nullspaceBasis, nullspaceShare } from './nullspace-class.js';
import { letterShares, SAME_LETTER_SHARE } from './output-class.js';
import { absoluteCosine, firstComponent, PCA_COSINE } from './pca-class.js';
import { POSITION_RHO, positionCorrelation } from './position-class.js';

export type DenseClass = 'position' | 'binding' | 'nullspace' | 'output' | 'word' | 'pca';

/** `dense_word@1`: ROC AUC of activation against content words above 0.75 (arXiv 2506.15679). */
const WORD_AUROC = 0.75;
/** Antipodal partners of dense latents typically score above this. */
const ANTIPODAL = 0.9;

export interface DenseLatent {
  readonly latent: number;
  readonly density: number;
  /** A latent may be in several classes, or in none. */
  readonly classes: readonly DenseClass[];
  readonly antipodal: { readonly score: number; readonly partner: number };
  readonly position: { readonly from: string; readonly rho: number };
  readonly pcaCosine: number;
  /** Given when the unembedding, the model or word classes were given. */
  readonly nullspace?: number;
  readonly output?: { readonly letter: string; readonly share: number };
  readonly wordAuroc?: number;
  readonly persistence?: { readonly within: number; readonly overall: number };
}

export interface DenseRequest extends DenseSampleOptions {
  readonly sae: ReadableSae & { readonly state: SaeState };
  /** From `evaluateReconstruction` on the same text. */
  readonly activity: LatentActivity;
  readonly batches: Iterable<ActivationBatch>;
  /** Density from which a latent is dense (default 0.1). */
  readonly threshold?: number;
  readonly unembedding?: Unembedding;
  readonly model?: Pick<LanguageModel, 'logitEffects' | 'tokenizer'>;
}

export interface DenseLatents {
  readonly latents: readonly DenseLatent[];
  /** Dense latents of each class; `unclassified` are in none. */
  readonly counts: Readonly<Record<DenseClass | 'unclassified', number>>;
  /** `dense_mass@1`: share of Σ|f| over all latents and tokens that dense latents hold. */
  readonly massShare: number;
}

/** Dense latents (active on more than 10% of tokens) and what they are for: the detectors of arXiv 2506.15679, table of section 4. */
export function denseLatents(request: DenseRequest): DenseLatents {
  const { sae, activity } = request;
  const threshold = request.threshold ?? 0.1;
  const dense = [...activity.counts.keys()].filter((f) => (activity.counts[f] as number) > threshold * activity.tokens);
  const directions = directionsOf(sae.state);
  const width = directions.decoderWidth;
  const decoder = (f: number): Float32Array => directions.decoder.subarray(f * width, (f + 1) * width);
  const pairs = antipodalPairs(directions);
  const partners = dense.map((f) => pairs.partner[f] as number).filter((f) => f !== -1);
  const sample = denseSample(sae, request.batches, { ...request, latents: [...new Set([...dense, ...partners])] });
  const component = firstComponent(sample.x, sae.width);
  const basis = request.unembedding === undefined ? undefined : nullspaceBasis(request.unembedding);
  const letters = request.model === undefined ? undefined : letterShares(request.model, concatenated(dense.map(decoder), width), dense.length);

  const latents = dense.map((latent, i): DenseLatent => {
    const activation = sample.activation.get(latent) as Float32Array;
    const antipodal = { score: pairs.score[latent] as number, partner: pairs.partner[latent] as number };
    const measured = {
      antipodal,
      position: positionCorrelation(activation, sample.distances),
      pcaCosine: width === sae.width ? absoluteCosine(decoder(latent), component) : 0,
      ...(basis === undefined ? {} : { nullspace: nullspaceShare(decoder(latent), basis) }),
      ...(letters === undefined ? {} : { output: letters[i] as NonNullable<DenseLatent['output']> }),
      ...(sample.contentWord === undefined ? {} : { wordAuroc: auroc(activation, sample.contentWord) }),
      ...(antipodal.score > ANTIPODAL ? { persistence: pairPersistence(sample, latent, antipodal.partner) } : {}),
    };
    return { latent, density: (activity.counts[latent] as number) / activity.tokens, classes: classesOf(measured), ...measured };
  });

  const total = activity.mass.reduce((a, b) => a + b, 0);
  const held = dense.reduce((sum, f) => sum + (activity.mass[f] as number), 0);
  const count = (name: DenseClass): number => latents.filter((l) => l.classes.includes(name)).length;
  return {
    latents,
    massShare: total === 0 ? 0 : held / total,
    counts: {
      position: count('position'),
      binding: count('binding'),
      nullspace: count('nullspace'),
      output: count('output'),
      word: count('word'),
      pca: count('pca'),
      unclassified: latents.filter((l) => l.classes.length === 0).length,
    },
  };
}

function classesOf(m: Omit<DenseLatent, 'latent' | 'density' | 'classes'>): readonly DenseClass[] {
  const classes: DenseClass[] = [];
  if (Math.abs(m.position.rho) > POSITION_RHO) classes.push('position');
  if (m.persistence !== undefined && m.persistence.within - m.persistence.overall > BINDING_GAIN) classes.push('binding');
  if ((m.nullspace ?? 0) > NULLSPACE_SHARE) classes.push('nullspace');
  if ((m.output?.share ?? 0) >= SAME_LETTER_SHARE) classes.push('output');
  if ((m.wordAuroc ?? 0) > WORD_AUROC) classes.push('word');
  if (m.pcaCosine > PCA_COSINE) classes.push('pca');
  return classes;
}

function pairPersistence(sample: DenseSample, latent: number, partner: number): { readonly within: number; readonly overall: number } {
  const a = sample.activation.get(latent) as Float32Array;
  const b = sample.activation.get(partner) as Float32Array;
  return signPersistence(a.map((v, t) => Math.sign(v - (b[t] as number))), sample.document);
}

function concatenated(rows: readonly Float32Array[], width: number): Float32Array {
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, i) => out.set(row, i * width));
  return out;
}

import { SalmonError } from '@salmon-sae/dataflow';
import type { ResolvedSpec } from './train-spec.js';

/** Which parts of an SAE learn; the others stay as they are, bit for bit. */
export interface Trainable {
  /** [F] 1 = the latent's rows (encoder, decoder, biases, threshold) learn. */
  readonly latents: Uint8Array;
  /** Whether what all latents share (b_dec, W_skip) learns. */
  readonly shared: boolean;
}

/** Parameters with one entry per latent. */
const PER_LATENT: ReadonlySet<string> = new Set(['b_enc', 'threshold', 'log_threshold', 'b_gate', 'b_mag', 'r_mag']);

/** Where the latents lie in a parameter: columns of W_enc, rows of W_dec, entries of vectors; 'shared': nowhere. */
export function latentAxis(name: string): 'columns' | 'rows' | 'entries' | 'shared' {
  if (name === 'W_enc') return 'columns';
  if (name === 'W_dec') return 'rows';
  return PER_LATENT.has(name) ? 'entries' : 'shared';
}

/** @throws SalmonError bad-config where the marks do not fit the SAEs, or resampling would move what is to stay. */
export function checkTrainable(specs: readonly ResolvedSpec[], trainable: Readonly<Record<string, Trainable>> | undefined): void {
  for (const [id, { latents }] of Object.entries(trainable ?? {})) {
    const config = specs.find((spec) => spec.config.id === id)?.config;
    if (latents.length !== config?.sae.latents) {
      throw new SalmonError('bad-config', { what: 'What is to learn does not fit the SAE', where: `trainable.${id}`, expected: config === undefined ? 'the name of an SAE' : `one mark for each of ${config.sae.latents} latents`, got: String(latents.length) });
    }
    if (config.training.resampleEvery !== null && latents.includes(0)) {
      throw new SalmonError('bad-config', { what: 'Re-drawing dead latents would move frozen ones', where: `${id}, training.resampleEvery`, expected: 'null where latents are frozen' });
    }
  }
}

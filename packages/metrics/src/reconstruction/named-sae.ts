import type { SparseCodes } from '@salmon-sae/dataflow';

/** What reconstruction metrics need of an SAE; every `Sae` of sae-core fits. */
export interface Reconstructor {
  readonly latents: number;
  readonly width: number;
  readonly outWidth: number;
  run(x: Float32Array, rows: number): { readonly codes: SparseCodes; readonly recon: Float32Array };
}

export interface NamedSae<S extends Reconstructor = Reconstructor> {
  readonly name: string;
  readonly sae: S;
}

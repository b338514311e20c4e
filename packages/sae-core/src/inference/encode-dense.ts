import { SalmonError } from '@salmon-sae/dataflow';
import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { denseCodes } from './csr-builder.js';
import { openSae } from './open-sae.js';
import { isRowNormalized } from './normalize.js';
import { resolveConfig } from './config.js';

/** Everything an SAE makes of some rows, dense; leading axes as those of the input. */
export interface DenseEncoding {
  /** [..., latents] */
  readonly acts: NdArray;
  /** [..., out]: the decoded activations, without skip connection or predicted codes. */
  readonly recon: NdArray;
  /** [..., out]: the whole output; equal to `recon` for plain SAEs. */
  readonly forward: NdArray;
}

/**
 * Encodes x [..., width] and decodes it again; for small use, because acts are dense. With `reshape_activations: hook_z` the last two
 * axes of x may be [heads, head width]; for a temporal SAE the axis before the last is the sequence.
 * @throws SalmonError `bad-shape` when the last axes of x do not make the SAE's width.
 */
export function encodeDense(state: SaeState, x: NdArray): DenseEncoding {
  const config = resolveConfig(state);
  const last = x.shape.at(-1) ?? 0;
  const heads = config.reshape_activations === 'hook_z' && last !== config.d_in ? (x.shape.at(-2) ?? 0) : 0;
  const width = heads > 0 ? heads * last : last;
  if (width !== config.d_in || x.shape.length < (heads > 0 ? 3 : 2)) {
    const expected = `[..., ${config.d_in}]`;
    throw new SalmonError('bad-shape', { what: 'Activations do not fit the SAE', where: 'encodeDense', expected, got: `[${x.shape.join(', ')}]` });
  }
  const leading = x.shape.slice(0, heads > 0 ? -2 : -1);
  const rows = leading.reduce((a, b) => a * b, 1);
  const sequence = config.activation === 'temporal' ? leading.at(-1) : undefined;
  const sae = openSae(state, sequence === undefined ? {} : { sequence });
  try {
    const { codes, recon } = sae.run(x.data, rows);
    const tail = heads > 0 ? [heads, last] : [config.d_out];
    const forward = { shape: [...leading, ...tail], data: recon };
    const plain = isRowNormalized(config) || (!config.skip && config.activation !== 'temporal');
    return {
      acts: { shape: [...leading, config.d_sae], data: denseCodes(codes) },
      recon: plain ? forward : { shape: forward.shape, data: sae.decode(codes) },
      forward,
    };
  } finally {
    sae.dispose();
  }
}

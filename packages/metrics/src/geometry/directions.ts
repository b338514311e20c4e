import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';

/** Unit encoder and decoder directions of each latent, both [latents, width] row-major; a zero row stays zero. */
export interface Directions {
  readonly latents: number;
  readonly encoderWidth: number;
  readonly decoderWidth: number;
  readonly encoder: Float32Array;
  readonly decoder: Float32Array;
}

/** Reads W_enc [width, latents] and W_dec [latents, width]; kinds without an encoder matrix (tied, matching pursuit) use the decoder twice. */
export function directionsOf(state: SaeState): Directions {
  const decoder = state.weights['W_dec'];
  const encoder = state.weights['W_enc'];
  const [latents, decoderWidth] = decoder?.shape ?? [];
  if (decoder === undefined || latents === undefined || decoderWidth === undefined) {
    throw new SalmonError('bad-shape', {
      what: 'The SAE has no decoder matrix',
      where: 'W_dec',
      expected: '[latents, width]',
      got: `tensors ${Object.keys(state.weights).join(', ')}`,
    });
  }
  const decoderRows = unitRows(decoder.data, decoderWidth);
  if (encoder === undefined) return { latents, encoderWidth: decoderWidth, decoderWidth, encoder: decoderRows, decoder: decoderRows };
  const [encoderWidth, columns] = encoder.shape;
  if (encoderWidth === undefined || columns !== latents) {
    throw new SalmonError('bad-shape', {
      what: 'Encoder and decoder disagree',
      where: 'W_enc',
      expected: `[width, ${latents}]`,
      got: `[${encoder.shape.join(', ')}]`,
    });
  }
  return { latents, encoderWidth, decoderWidth, encoder: unitRows(transposed(encoder), encoderWidth), decoder: decoderRows };
}

/** The same for a choice of latents (the live ones, say), in the order given. */
export function selectDirections(directions: Directions, latents: readonly number[]): Directions {
  const pick = (rows: Float32Array, width: number): Float32Array => {
    const out = new Float32Array(latents.length * width);
    latents.forEach((f, i) => out.set(rows.subarray(f * width, (f + 1) * width), i * width));
    return out;
  };
  return {
    ...directions,
    latents: latents.length,
    encoder: pick(directions.encoder, directions.encoderWidth),
    decoder: pick(directions.decoder, directions.decoderWidth),
  };
}

/** Each row divided by its norm. */
export function unitRows(rows: Float32Array, width: number): Float32Array {
  const out = new Float32Array(rows.length);
  for (let at = 0; at < rows.length; at += width) {
    let square = 0;
    for (let d = 0; d < width; d++) square += (rows[at + d] as number) ** 2;
    const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
    for (let d = 0; d < width; d++) out[at + d] = (rows[at + d] as number) * scale;
  }
  return out;
}

function transposed({ data, shape }: NdArray): Float32Array {
  const [rows = 0, columns = 0] = shape;
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j] as number;
  return out;
}

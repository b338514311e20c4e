import type { Json } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Sampled } from '../documents/estimate.js';

/** Replicates as JSON, so that a later process can pair measurements (base64 of little-endian float64). */
export function sampledToJson(sampled: Sampled): Json {
  const samples = Buffer.alloc(sampled.samples.length * 8);
  sampled.samples.forEach((s, i) => samples.writeDoubleLE(s, i * 8));
  return { metric: sampled.metric, value: sampled.value, key: sampled.key, samples: samples.toString('base64') };
}

/** Reads what `sampledToJson` wrote; throws `SalmonError('bad-file')` on anything else. */
export function sampledFromJson(json: Json): Sampled {
  const { metric, value, key, samples } = (json ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof metric !== 'string' || typeof key !== 'string' || typeof samples !== 'string') {
    throw new SalmonError('bad-file', {
      what: 'Not a stored measurement',
      expected: 'an object with metric, value, key and samples',
      got: JSON.stringify(json)?.slice(0, 80) ?? 'nothing',
    });
  }
  const bytes = Buffer.from(samples, 'base64');
  return {
    metric,
    // JSON has no NaN: it is stored as null.
    value: typeof value === 'number' ? value : Number.NaN,
    key,
    samples: Float64Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(i * 8)),
  };
}

import type { Edit } from '@salmon-sae/dataflow';
import type { Reconstructor } from '../reconstruction/named-sae.js';

/**
 * An edit that puts the SAE's reconstruction in place of the activation at the marked positions. Only those rows are run through
 * the SAE, so padding costs nothing.
 */
export function spliceEdit(sae: Reconstructor, at: { readonly hook: string; readonly where: Uint8Array }): Edit {
  const positions: number[] = [];
  at.where.forEach((edited, i) => {
    if (edited === 1) positions.push(i);
  });
  return {
    hook: at.hook,
    where: at.where,
    kind: 'map',
    fn: (values, width) => {
      const out = Float32Array.from(values);
      if (positions.length === 0) return out;
      const x = new Float32Array(positions.length * width);
      positions.forEach((p, i) => x.set(values.subarray(p * width, (p + 1) * width), i * width));
      const { recon } = sae.run(x, positions.length);
      positions.forEach((p, i) => out.set(recon.subarray(i * width, (i + 1) * width), p * width));
      return out;
    },
  };
}

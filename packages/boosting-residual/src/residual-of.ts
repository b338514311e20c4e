import { map } from 'rxjs';
import type { OperatorFunction } from 'rxjs';
import { SalmonError } from '@salmon-sae/dataflow';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import type { Sae } from '@salmon-sae/sae-core';

/**
 * Turns activation batches into the training pairs of a residual SAE: input x, target e = x - base(x) (arXiv 2507.12990, section 3.1).
 *
 * Values [rows, width] pass through untouched; the target is [rows, base.outWidth], in raw activation units. The base is frozen: it runs in
 * inference mode and nothing here trains or disposes it. A batch that already has a target (a transcoder's, or another residual's) keeps it as
 * what is to be explained: e = target - base(x). Synchronous, one batch in, one batch out, nothing buffered.
 * Throws `bad-shape` when the stream's site or target does not fit the base.
 */
export function residualOf(base: Sae): OperatorFunction<ActivationBatch, ActivationBatch> {
  return map((batch) => ({ ...batch, target: errorOf(base, batch) }));
}

/** The error e = (target or x) - base(x) of one batch, [rows, base.outWidth]. */
export function errorOf(base: Sae, batch: ActivationBatch): Float32Array {
  if (batch.site.width !== base.width) {
    throw new SalmonError('bad-shape', {
      what: 'The base SAE does not fit these activations',
      where: `${batch.site.model} ${batch.site.hook}`,
      expected: `width ${base.width}, which the base reads`,
      got: `width ${batch.site.width}`,
      todo: `Use the hook that the base was trained on (${base.state.site.model} ${base.state.site.hook})`,
    });
  }
  const wanted = batch.target ?? batch.values;
  if (wanted.length !== batch.rows * base.outWidth) {
    throw new SalmonError('bad-shape', {
      what: 'The base SAE writes another width than the target has',
      where: `${batch.site.model} ${batch.site.hook}`,
      expected: `${batch.rows} rows of ${base.outWidth} values`,
      got: `${wanted.length} values`,
      todo: 'Give transcoder bases batches that carry their target',
    });
  }
  const { recon } = base.run(batch.values, batch.rows);
  const error = new Float32Array(wanted.length);
  for (let i = 0; i < error.length; i++) error[i] = wanted[i]! - recon[i]!;
  return error;
}

import type { ActivationBatch } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { NamedSae } from './named-sae.js';

/** Refuses a batch that the SAEs cannot read or that they do not reconstruct, before any sum is touched. */
export function checkBatch(batch: ActivationBatch, saes: readonly NamedSae[], width: number): void {
  const where = `hook ${batch.site.hook}`;
  const x = batch.target ?? batch.values;
  if (x.length !== batch.rows * width || batch.values.length !== batch.rows * batch.site.width) {
    throw new SalmonError('bad-shape', {
      what: 'Activation batch does not fit the SAEs',
      where,
      expected: `${batch.rows} rows of ${width} numbers to reconstruct`,
      got: `${x.length} numbers to reconstruct and ${batch.values.length} activations`,
      todo: 'Evaluate each SAE on the hook it was trained on',
    });
  }
  if (batch.origin.doc.length !== batch.rows) {
    throw new SalmonError('bad-shape', {
      what: 'Activation batch does not say which document each row is from',
      where,
      expected: `${batch.rows} entries in origin.doc`,
      got: `${batch.origin.doc.length}`,
    });
  }
  for (const d of batch.origin.doc) {
    if (d < 0 || d >= batch.origin.docs.length) {
      throw new SalmonError('bad-shape', {
        what: 'A row names a document that the batch does not list',
        where,
        expected: `an index below ${batch.origin.docs.length}`,
        got: `${d}`,
      });
    }
  }
  for (const { name, sae } of saes) {
    if (sae.width !== batch.site.width || sae.outWidth !== width) {
      throw new SalmonError('bad-shape', {
        what: 'SAE does not fit the activations',
        where: name,
        expected: `${batch.site.width} in, ${width} out`,
        got: `${sae.width} in, ${sae.outWidth} out`,
        todo: 'Evaluate each SAE on the hook it was trained on',
      });
    }
  }
}

import { documentEntropy } from '@salmon-sae/dataflow';
import type { ActivationBatch } from '@salmon-sae/dataflow';
import { tap } from 'rxjs';
import type { MonoTypeOperatorFunction } from 'rxjs';

/** How well one batch is mixed. */
export interface ShuffleQuality {
  readonly batch: number;
  readonly rows: number;
  /** Documents that have rows in the batch. */
  readonly documents: number;
  /** Shannon entropy of the batch's documents, bits. */
  readonly entropy: number;
  /** Entropy over what it would be with as many rows from each of these documents; 1 = even, 1 as well for one document. */
  readonly evenness: number;
}

/** Reports the document entropy of every batch that passes. */
export function shuffleQuality(report: (quality: ShuffleQuality) => void): MonoTypeOperatorFunction<ActivationBatch> {
  return (source) => {
    let batch = 0;
    return source.pipe(
      tap((activations) => {
        const entropy = documentEntropy(activations);
        const documents = new Set(activations.origin.doc).size;
        const evenness = documents > 1 ? entropy / Math.log2(documents) : 1;
        report({ batch: batch++, rows: activations.rows, documents, entropy, evenness });
      }),
    );
  };
}

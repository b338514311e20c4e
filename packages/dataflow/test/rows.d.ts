import type { ActivationBatch } from '../src/index.js';
/** Rows numbered from `first`: row n holds n in every value, -n in the target, document n / perDoc. */
export declare function numbered(first: number, rows: number, options?: {
    readonly width?: number;
    readonly target?: boolean;
    readonly perDoc?: number;
}): ActivationBatch;
/** The numbers of a batch's rows, after checking that every column agrees with the number. */
export declare function numbersOf(batch: ActivationBatch, perDoc?: number): number[];
//# sourceMappingURL=rows.d.ts.map
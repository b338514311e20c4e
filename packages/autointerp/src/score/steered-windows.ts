import type { Edit, LanguageModel, TokenRows } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Example } from '../examples/examples.js';
import { toRows } from './language-model-rows.js';

export interface Steerable {
  readonly model: Pick<LanguageModel, 'forward' | 'scoreEdits' | 'tokenizer' | 'info'>;
  readonly hook: string;
}

/** A direction with the factor by which it is added. */
export interface Push {
  readonly direction: Float32Array;
  readonly strength: number;
}

/** Windows of text that can be read again with a direction added at every ordinary position. */
export class SteeredWindows {
  private readonly rows: TokenRows & { readonly lead: number };
  private readonly where: Uint8Array;

  constructor(
    private readonly windows: readonly Example[],
    private readonly by: Steerable,
  ) {
    this.rows = toRows(windows.map(({ ids }) => ids), by.model);
    const { mask, context, lead } = this.rows;
    this.where = Uint8Array.from(mask, (real, i) => (real === 1 && i % context >= lead ? 1 : 0));
  }

  /** Mean KL(clean || steered) in nats of each push. */
  meanKls(pushes: readonly Push[]): readonly number[] {
    const scores = this.by.model.scoreEdits(this.rows, pushes.map((push) => [this.edit(push)]));
    const counted = scores.counted.reduce((a, b) => a + b, 0);
    return scores.variants.map(({ kl }) => kl.reduce((sum, v, i) => sum + (scores.counted[i] === 1 ? v : 0), 0) / Math.max(1, counted));
  }

  /** [sets][windows]: mean over a window's positions of log P(the next token is one of the set), in nats. */
  logMass(sets: readonly Int32Array[], push?: Push): readonly (readonly number[])[] {
    const { model } = this.by;
    const { rows, context, lead } = this.rows;
    const { vocabulary, id } = model.info;
    const logits = model.forward(this.rows, { logits: true, ...(push === undefined ? {} : { edits: [this.edit(push)] }) }).logits;
    if (logits?.length !== rows * context * vocabulary) {
      throw new SalmonError('bad-shape', { what: 'The language model gave logits of another size', where: id, expected: `rows * context * ${vocabulary}`, got: String(logits?.length) });
    }
    const sums = sets.map(() => new Array<number>(this.windows.length).fill(0));
    this.windows.forEach(({ ids }, r) => {
      for (let t = lead; t < lead + ids.length; t++) {
        const at = r * context + t;
        const line = logits.subarray(at * vocabulary, (at + 1) * vocabulary);
        let largest = -Infinity;
        for (const logit of line) if (logit > largest) largest = logit;
        let total = 0;
        for (const logit of line) total += Math.exp(logit - largest);
        sets.forEach((set, s) => {
          let mass = 0;
          for (const token of set) mass += Math.exp((line[token] as number) - largest);
          const sum = sums[s] as number[];
          sum[r] = (sum[r] as number) + (Math.log(Math.max(mass, 1e-300)) - Math.log(total)) / ids.length;
        });
      }
    });
    return sums;
  }

  private edit({ direction, strength }: Push): Edit {
    return { hook: this.by.hook, where: this.where, kind: 'add', vector: direction, strength };
  }
}

import { SalmonError } from '@salmon-sae/dataflow';
import type {
  Edit,
  ForwardRequest,
  ForwardResult,
  LanguageModel,
  LanguageModelInfo,
  LossScores,
  TokenEffects,
  Tokenizer,
  TokenRows,
} from '@salmon-sae/dataflow';
import { batchMasks } from '../blocks/attention-mask.js';
import type { Decoder } from '../blocks/decoder.js';
import type { Head } from '../blocks/head.js';
import type { Pass } from '../blocks/pass.js';
import { parseHook } from './hook.js';
import { logitEffects } from './logit-effects.js';
import { scoreEdits } from './score-edits.js';
import { crossEntropy, readLogits } from './token-loss.js';
import { walk } from './walk.js';

export interface LoadedParts {
  readonly info: LanguageModelInfo;
  readonly decoder: Decoder;
  /** A tokenizer, or the error to throw when one is asked for. */
  readonly tokenizer: Tokenizer | SalmonError;
  readonly release: () => void;
}

/** A language model whose weights are tensors; they live until `dispose`. */
export class TensorLanguageModel implements LanguageModel {
  readonly info: LanguageModelInfo;
  private readonly parts: LoadedParts;
  private disposed = false;

  constructor(parts: LoadedParts) {
    this.parts = parts;
    this.info = parts.info;
  }

  get tokenizer(): Tokenizer {
    const { tokenizer } = this.parts;
    if (tokenizer instanceof SalmonError) throw tokenizer;
    return tokenizer;
  }

  hookWidth(hook: string): number {
    this.loadedHook(hook);
    return this.info.width;
  }

  forward(rows: TokenRows, request: ForwardRequest): ForwardResult {
    const decoder = this.live(rows);
    const wanted = new Map<number, string[]>();
    for (const name of new Set(request.hooks ?? [])) {
      const { stage } = this.loadedHook(name);
      wanted.set(stage, [...(wanted.get(stage) ?? []), name]);
    }
    const edits = request.edits ?? [];
    for (const edit of edits) this.loadedHook(edit.hook);
    const ends = request.logits === true || request.crossEntropy === true;
    const head = ends ? this.head() : undefined;
    const until = ends ? Infinity : Math.max(...wanted.keys(), -Infinity);
    const activations: Record<string, Float32Array> = {};
    if (until === -Infinity) return { activations };
    return this.withPass(rows, (pass) => {
      const x = walk(decoder, {
        rows,
        pass,
        edits,
        until,
        onStage: (stage, { after }) => {
          // A copy where edits are at play: a replaced value may be the caller's own array.
          for (const name of wanted.get(stage) ?? []) {
            const values = after.dataSync<'float32'>();
            activations[name] = edits.length > 0 ? values.slice() : values;
          }
        },
      });
      try {
        return {
          activations,
          ...(request.logits === true && head !== undefined ? { logits: readLogits(head, x) } : {}),
          ...(request.crossEntropy === true && head !== undefined ? { crossEntropy: crossEntropy(head, x, rows) } : {}),
        };
      } finally {
        x.dispose();
      }
    });
  }

  scoreEdits(rows: TokenRows, variants: readonly (readonly Edit[])[]): LossScores {
    const decoder = this.live(rows);
    for (const edit of variants.flat()) this.loadedHook(edit.hook);
    const head = this.head();
    return this.withPass(rows, (pass) => scoreEdits({ decoder, head }, { rows, pass }, variants));
  }

  logitEffects(directions: Float32Array, n: number, k: number): readonly TokenEffects[] {
    this.live();
    return logitEffects(this.head(), directions, { n, k, width: this.info.width });
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.parts.release();
  }

  private withPass<T>(rows: TokenRows, use: (pass: Pass) => T): T {
    const masks = batchMasks(rows.rows, rows.context, rows.mask);
    try {
      return use({ rows: rows.rows, context: rows.context, masks });
    } finally {
      masks.dispose();
    }
  }

  private loadedHook(name: string): { readonly stage: number } {
    const { decoder } = this.parts;
    const hook = parseHook(name, decoder.layers);
    if (hook.layer < decoder.blocks.length) return hook;
    throw new SalmonError('unknown-hook', {
      what: `Hook "${name}" lies beyond the part of the model that was loaded`,
      where: this.info.id,
      expected: `a layer from 0 to ${decoder.blocks.length - 1}`,
      got: name,
      todo: 'Load the model without `until`, or with a deeper one',
    });
  }

  private head(): Head {
    const { decoder } = this.parts;
    if (decoder.head !== undefined && decoder.blocks.length === decoder.layers) return decoder.head;
    throw new SalmonError('unsupported', {
      what: 'Logits were asked of a model that was loaded only in part',
      where: this.info.id,
      expected: `all ${decoder.layers} layers and the unembedding`,
      got: `the first ${decoder.blocks.length} layers`,
      todo: 'Load the model without `until`',
    });
  }

  private live(rows?: TokenRows): Decoder {
    const { decoder } = this.parts;
    if (this.disposed) throw new SalmonError('conflict', { what: 'The language model was disposed', where: this.info.id });
    if (rows !== undefined) checkRows(rows, decoder);
    return decoder;
  }
}

function checkRows(tokens: TokenRows, decoder: Decoder): void {
  const { rows, context, ids, mask } = tokens;
  if (ids.length !== rows * context || mask.length !== rows * context || rows < 1 || context < 1) {
    throw new SalmonError('bad-shape', {
      what: 'Token rows do not fill their shape',
      expected: `rows * context = ${rows} * ${context} ids and mask entries, at least one`,
      got: `${ids.length} ids, ${mask.length} mask entries`,
    });
  }
  if (context > decoder.context) {
    throw new SalmonError('bad-shape', {
      what: 'Token rows are longer than the context that the model was made for',
      expected: `at most ${decoder.context} positions`,
      got: `${context}`,
      todo: 'Tokenise with a shorter context',
    });
  }
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    if (id >= 0 && id < decoder.vocabulary) continue;
    throw new SalmonError('bad-shape', {
      what: 'A token id lies outside the vocabulary of the model',
      where: `row ${Math.floor(i / context)}, position ${i % context}`,
      expected: `0 to ${decoder.vocabulary - 1}`,
      got: `${id}`,
      todo: "Tokenise with the model's own tokenizer",
    });
  }
}

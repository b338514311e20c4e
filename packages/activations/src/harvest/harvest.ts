import { SalmonError } from '@salmon-sae/dataflow';
import type { ActivationBatch, LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import { Observable } from 'rxjs';
import type { OperatorFunction } from 'rxjs';
import { FilterChain } from './filter.js';
import type { FilterCount, RowFilter } from './filter.js';
import { forwardByLength } from './forward-by-length.js';
import type { ByLengthOptions } from './forward-by-length.js';
import { specialTokens } from './special-tokens.js';

export interface HarvestOptions extends ByLengthOptions {
  readonly hook?: string;
  /** Several hooks from one pass: one batch per hook and token batch, in the order given. */
  readonly hooks?: readonly string[];
  /** Whether BOS, EOS and other special tokens become rows. Default `exclude`. */
  readonly specials?: 'exclude' | 'include';
  /** Further filters; each hook has counts of its own. */
  readonly filters?: readonly RowFilter[];
  /** Called after each batch with the filters' counts since the start. */
  readonly onFiltered?: (report: { readonly hook: string; readonly filters: readonly FilterCount[] }) => void;
}

/**
 * Runs a language model over token batches and emits its activations at one or several hooks, one row per kept token,
 * in token order. Synchronous; buffers nothing; stops the model at the deepest hook. A batch of which no row is kept is
 * emitted empty, so that its cursor gets through. Throws `unknown-hook` on subscription.
 *
 * @example
 * tokens$.pipe(harvest(model, { hook: 'resid_post.4' }), rebatch(2048))
 */
export function harvest(model: LanguageModel, options: HarvestOptions): OperatorFunction<TokenBatch, ActivationBatch> {
  return (source) =>
    new Observable((subscriber) => {
      const take = harvester(model, options);
      return source.subscribe({
        next: (batch) => {
          try {
            for (const activations of take(batch)) subscriber.next(activations);
          } catch (error) {
            subscriber.error(error);
          }
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    });
}

/** The function under `harvest`: one activation batch per hook for each token batch, with filter counts of its own. */
export function harvester(model: LanguageModel, options: HarvestOptions): (batch: TokenBatch) => readonly ActivationBatch[] {
  const hooks = hooksOf(options);
  const filters = filtersOf(options);
  const lanes = hooks.map((hook) => ({
    site: { model: model.info.id, hook, width: model.hookWidth(hook) },
    chain: new FilterChain(filters),
  }));
  const { tokensAtOnce } = options;
  const request = { hooks, ...(tokensAtOnce === undefined ? {} : { tokensAtOnce }) };
  return (batch) => {
    const activations = forwardByLength(model, batch, request);
    const at = realPositions(batch);
    return lanes.map(({ site, chain }) => {
      const values = activations[site.hook] as Float32Array;
      const kept = chain.apply({ batch, at, values, width: site.width });
      options.onFiltered?.({ hook: site.hook, filters: chain.report() });
      return activationBatch(batch, values, { site, kept });
    });
  };
}

/** All filters of a harvest, the rule for special tokens first. */
export function filtersOf(options: HarvestOptions): readonly RowFilter[] {
  return [...(options.specials === 'include' ? [] : [specialTokens()]), ...(options.filters ?? [])];
}

/** The hooks asked for, each once. */
export function hooksOf(options: HarvestOptions): readonly string[] {
  const hooks = [...new Set([...(options.hook === undefined ? [] : [options.hook]), ...(options.hooks ?? [])])];
  if (hooks.length > 0) return hooks;
  throw new SalmonError('usage', { what: 'A harvest needs at least one hook', expected: 'hook or hooks', got: 'neither' });
}

function realPositions(batch: TokenBatch): Int32Array {
  const at: number[] = [];
  for (let i = 0; i < batch.mask.length; i++) if (batch.mask[i] === 1) at.push(i);
  return Int32Array.from(at);
}

function activationBatch(
  batch: TokenBatch,
  values: Float32Array,
  rows: { readonly site: ActivationBatch['site']; readonly kept: Int32Array },
): ActivationBatch {
  const { site, kept } = rows;
  const { width } = site;
  const all = kept.length * width === values.length;
  const picked = all ? values : new Float32Array(kept.length * width);
  if (!all) kept.forEach((at, i) => picked.set(values.subarray(at * width, (at + 1) * width), i * width));
  return {
    site,
    rows: kept.length,
    values: picked,
    origin: {
      tokenId: Int32Array.from(kept, (at) => batch.ids[at] as number),
      position: Int32Array.from(kept, (at) => at % batch.context),
      doc: Int32Array.from(kept, (at) => batch.doc[at] as number),
      docs: batch.docs,
      domains: batch.domains,
    },
    cursor: batch.cursor,
  };
}

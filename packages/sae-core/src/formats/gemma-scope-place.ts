import { basename, dirname, resolve } from 'node:path';
import type { Json } from '@salmon-sae/dataflow';
import { hookFromLens } from './hook-names.js';

/** What a Gemma Scope file's place says about it; the arrays themselves do not. */
export interface GemmaScopePlace {
  readonly variant: GemmaScopeVariant;
  readonly model: string;
  /** This project's hook name, TransformerLens' where there is none, '' where the place says nothing. */
  readonly hook: string;
  readonly metadata: Readonly<Record<string, Json>>;
}

export type GemmaScopeVariant = 'sae' | 'embedding' | 'transcoder';

/** Folders above the file that are looked at: org / repository / site or layer / width / sparsity. */
const DEPTH = 5;

/**
 * Reads model, hook and variant off a path such as `google/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71/params.npz`
 * or a hub cache path that contains it.
 */
export function gemmaScopePlace(file: string, variant?: GemmaScopeVariant): GemmaScopePlace {
  const segments: string[] = [];
  for (let folder = dirname(resolve(file)); segments.length < DEPTH && folder !== dirname(folder); folder = dirname(folder)) segments.unshift(basename(folder));
  const path = segments.join('/');
  const repository = segments.find((segment) => /gemma-scope/.test(segment)) ?? '';
  const layer = /layer_(\d+)/.exec(path)?.[1];
  const found = variant ?? (path.includes('transcoder') ? 'transcoder' : path.includes('embedding') ? 'embedding' : 'sae');
  const lens = lensHook(found, { path, repository, layer });
  const out = found === 'transcoder' && layer !== undefined ? { hook_name_out: `blocks.${layer}.hook_mlp_out` } : {};
  const model = modelName(repository);
  return {
    variant: found,
    model,
    hook: hookFromLens(lens),
    metadata: { model_name: model, hook_name: lens, ...out, prepend_bos: true, context_size: 1024 },
  };
}

interface Clues {
  readonly path: string;
  readonly repository: string;
  readonly layer: string | undefined;
}

function lensHook(variant: GemmaScopeVariant, { path, repository, layer }: Clues): string {
  if (variant === 'embedding') return 'hook_embed';
  if (layer === undefined) return '';
  if (variant === 'transcoder') return `blocks.${layer}.ln2.hook_normalized`;
  // Gemma Scope names the site in the repository, Gemma Scope 2 in the folder.
  if (path.includes('attn_out')) return `blocks.${layer}.hook_attn_out`;
  if (path.includes('mlp_out') || /-mlp$/.test(repository)) return `blocks.${layer}.hook_mlp_out`;
  if (/-att$/.test(repository)) return `blocks.${layer}.attn.hook_z`;
  return path.includes('resid_post') || /-res$/.test(repository) ? `blocks.${layer}.hook_resid_post` : '';
}

/** `gemma-scope-2b-pt-res` -> gemma-2-2b; `gemma-scope-2-1b-pt` -> gemma-3-1b-pt */
function modelName(repository: string): string {
  const [, size3, tuning3] = /gemma-scope-2-(\d+[bm])-(pt|it)/.exec(repository) ?? [];
  if (size3 !== undefined) return `gemma-3-${size3}-${tuning3}`;
  const [, size, tuning] = /gemma-scope-(\d+b)-(pt|it)/.exec(repository) ?? [];
  return size === undefined ? '' : `gemma-2-${size}${tuning === 'it' ? '-it' : ''}`;
}

import { SalmonError } from '@salmon-sae/dataflow';

export type HookKind = 'embed' | 'resid_pre' | 'attn_out' | 'mlp_out' | 'resid_post';

/** A place in the forward pass. `stage` orders hooks as the pass meets them. */
export interface Hook {
  readonly name: string;
  readonly kind: HookKind;
  /** -1 for `embed`. */
  readonly layer: number;
  readonly stage: number;
}

const LAYER_KINDS: readonly HookKind[] = ['resid_pre', 'attn_out', 'mlp_out', 'resid_post'];

/** Stage of `embed`; stages of layer i run from 4 i (resid_pre) to 4 i + 3 (resid_post). */
export const EMBED_STAGE = -1;

export function stageOf(kind: HookKind, layer: number): number {
  return kind === 'embed' ? EMBED_STAGE : 4 * layer + LAYER_KINDS.indexOf(kind);
}

/** Reads a hook's name. Throws `unknown-hook` that names the hooks of a model with so many layers. */
export function parseHook(name: string, layers: number): Hook {
  if (name === 'embed') return { name, kind: 'embed', layer: -1, stage: EMBED_STAGE };
  const match = /^(resid_pre|resid_post|attn_out|mlp_out)\.(0|[1-9]\d*)$/.exec(name);
  const layer = Number(match?.[2]);
  if (match === null || layer >= layers) {
    const last = layers - 1;
    throw new SalmonError('unknown-hook', {
      what: `The model has no hook "${name}"`,
      expected: `embed, or resid_pre.i, attn_out.i, mlp_out.i or resid_post.i with i from 0 to ${last}`,
      got: name,
    });
  }
  const kind = match[1] as HookKind;
  return { name, kind, layer, stage: stageOf(kind, layer) };
}

/** TransformerLens' names (what SAELens writes) for the hooks of this project that have one. */
const LENS: readonly (readonly [hook: string, lens: string])[] = [
  ['resid_pre', 'hook_resid_pre'],
  ['resid_post', 'hook_resid_post'],
  ['attn_out', 'hook_attn_out'],
  ['mlp_out', 'hook_mlp_out'],
];

/** `blocks.20.hook_resid_post` -> `resid_post.20`; a name without a counterpart stays as it is. */
export function hookFromLens(name: string): string {
  if (name === 'hook_embed') return 'embed';
  const [, layer, lens] = /^blocks\.(\d+)\.(\w+)$/.exec(name) ?? [];
  const hook = LENS.find(([, candidate]) => candidate === lens)?.[0];
  return hook === undefined ? name : `${hook}.${layer}`;
}

/** `resid_post.20` -> `blocks.20.hook_resid_post`; a name without a counterpart stays as it is. */
export function hookToLens(name: string): string {
  if (name === 'embed') return 'hook_embed';
  const [, hook, layer] = /^(\w+)\.(\d+)$/.exec(name) ?? [];
  const lens = LENS.find(([candidate]) => candidate === hook)?.[1];
  return lens === undefined ? name : `blocks.${layer}.${lens}`;
}

/** sparsify names hooks by Hugging Face module path: `layers.12`, `layers.12.mlp`, `embed_tokens`, `h.3`. */
export function hookFromModule(path: string): string {
  if (/(^|\.)(embed_tokens|wte)$/.test(path)) return 'embed';
  const [, layer, part] = /(?:^|\.)(?:layers|h)\.(\d+)(?:\.(\w+))?$/.exec(path) ?? [];
  if (layer === undefined) return path;
  if (part === undefined) return `resid_post.${layer}`;
  if (part === 'mlp') return `mlp_out.${layer}`;
  return part === 'self_attn' || part === 'attn' ? `attn_out.${layer}` : path;
}

import type { tf } from '../tf.js';
import type { Kernel } from './kernel.js';
import { run, uninitialised } from './kernel.js';
import { keyFunctions } from './keys.js';

/** Few, because one of them decides between the passes while the others wait: with 256 selection took four times as long on SwiftShader. */
const THREADS = 64;

/**
 * Radix selection, 8 bits at a time from the top: the key of the k-th largest of a row's n candidates and the position of the last
 * candidate with that very key that is kept, so that exactly k remain (lower positions first).
 */
function selection(name: string, source: Pick<Kernel, 'reads' | 'parameters'> & { readonly candidates: string; readonly n: string; readonly first: string }): Kernel {
  return {
    name,
    reads: source.reads,
    writes: { cuts: 'u32' },
    parameters: { rows: 'u32', k: 'u32', ...source.parameters },
    threads: THREADS,
    declarations: `${keyFunctions}
var<workgroup> histogram: array<atomic<u32>, 256>;
var<workgroup> prefix: u32;
var<workgroup> wanted: u32;
var<workgroup> equal: u32;
var<workgroup> everything: u32;
${source.candidates}`,
    body: `
  let r = min(group, p.rows - 1u);
  let n = ${source.n};
  let first = ${source.first};
  if (lane == 0u) { prefix = 0u; wanted = p.k; equal = 0u; everything = 0u; }
  for (var shift = 24i; shift >= 0i; shift -= 8i) {
    for (var b = lane; b < 256u; b += ${THREADS}u) { atomicStore(&histogram[b], 0u); }
    workgroupBarrier();
    let mask = select(0u, 0xffffffffu << u32(shift + 8i), shift < 24i);
    for (var i = lane; i < n; i += ${THREADS}u) {
      let key = candidate(r, first + i);
      if (key != 0u && (key & mask) == prefix) { atomicAdd(&histogram[(key >> u32(shift)) & 255u], 1u); }
    }
    workgroupBarrier();
    if (lane == 0u && everything == 0u) {
      var found = false;
      for (var b = 255i; b >= 0i; b--) {
        let count = atomicLoad(&histogram[b]);
        if (count >= wanted) {
          prefix |= u32(b) << u32(shift);
          equal = count;
          found = true;
          break;
        }
        wanted -= count;
      }
      if (!found) { everything = 1u; }
    }
    workgroupBarrier();
  }
  if (lane == 0u && group < p.rows) {
    var cut = select(prefix, 0u, everything == 1u);
    var last = 0xffffffffu;
    if (p.k == 0u) {
      cut = 0xffffffffu;
      last = 0u;
    } else if (everything == 0u && equal > wanted) {
      var left = wanted;
      for (var i = 0u; i < n; i++) {
        if (candidate(r, first + i) == cut) { left--; }
        if (left == 0u) { last = position(first + i); break; }
      }
    }
    cuts[2u * group] = cut;
    cuts[2u * group + 1u] = last;
  }`,
  };
}

const ofDense = selection('cuts of dense rows', {
  reads: { pre: 'f32', bias: 'f32' },
  parameters: { latents: 'u32', biased: 'u32' },
  n: 'p.latents',
  first: '0u',
  candidates: `
fn candidate(r: u32, f: u32) -> u32 {
  var value = pre[r * p.latents + f];
  if (p.biased == 1u) { value += bias[f]; }
  return select(0u, key_of(value), value > 0.0);
}
fn position(f: u32) -> u32 { return f; }`,
});

const ofEntries = selection('cuts of sparse rows', {
  reads: { value: 'f32', entry: 'u32', starts: 'u32' },
  parameters: {},
  n: 'starts[r + 1u] - starts[r]',
  first: 'starts[r]',
  candidates: `
fn candidate(r: u32, at: u32) -> u32 { return key_of(value[entry[at]]); }
fn position(at: u32) -> u32 { return entry[at]; }`,
});

/** Per row the key and the latent up to which the k largest positive entries of pre + bias are kept: [B, 2]. */
export function cutsOfDenseRows(pre: tf.Tensor2D, bias: tf.Tensor1D | undefined, k: number): tf.Tensor2D {
  const [rows, latents] = pre.shape;
  const cuts = uninitialised<tf.Rank.R2>([rows, 2], 'int32');
  run(ofDense, { tensors: { cuts, pre, bias: bias ?? pre }, parameters: { rows, k, latents, biased: bias === undefined ? 0 : 1 }, groups: rows });
  return cuts;
}

/** Per row the key and the entry up to which its k largest entries are kept: [B, 2]. `starts` and `entry` list each row's entries. */
export function cutsOfSparseRows(value: tf.Tensor1D, byRow: { readonly starts: tf.Tensor1D; readonly entry: tf.Tensor1D }, k: number): tf.Tensor2D {
  const rows = byRow.starts.shape[0] - 1;
  const cuts = uninitialised<tf.Rank.R2>([rows, 2], 'int32');
  run(ofEntries, { tensors: { cuts, value, entry: byRow.entry, starts: byRow.starts }, parameters: { rows, k }, groups: rows });
  return cuts;
}

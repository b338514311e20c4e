/**
 * Time and memory of collection, lexical explanation and detection for many latents on synthetic codes.
 * Run from the workspace root: node --expose-gc tools/ts-node.mjs packages/autointerp/test/latents-bench.ts [latents] [tokens]
 */
import { random } from '@salmon-sae/dataflow';
import type { TokenBatch } from '@salmon-sae/dataflow';
import { detectionScore, ExampleCollector, lexicalExplainer, lexicalJudge } from '../src/index.js';
import type { CodedTokens, Explained } from '../src/index.js';

const latents = Number(process.argv[2] ?? 10_000);
const wanted = Number(process.argv[3] ?? 1_000_000);
const [vocabulary, rows, context, l0] = [8192, 32, 128, 32];
const draws = random(7, 'bench');
const syllables = ['ba', 'ce', 'di', 'fo', 'gu', 'ka', 'le', 'mi', 'no', 'pu', 'ra', 'se', 'ti', 'vo', 'zu', 'xa', 'itis', 'ment'];
const names = Array.from({ length: vocabulary }, () => ` ${Array.from({ length: 2 + draws.below(3) }, () => syllables[draws.below(syllables.length)]).join('')}`);
const tokenizer = { token: (id: number): string => names[id] ?? '' };
/** Three quarters of a token's latents belong to the token, the rest come at random. */
const latentsOf = Array.from({ length: vocabulary }, () => Int32Array.from({ length: (l0 * 3) / 4 }, () => draws.below(latents)));

function batch(b: number): { readonly tokens: TokenBatch; readonly coded: Record<string, CodedTokens> } {
  const total = rows * context;
  const special = Uint8Array.from({ length: total }, (_, i) => (i % context === 0 ? 1 : 0));
  const ids = Int32Array.from({ length: total }, () => Math.floor(vocabulary ** draws.next()));
  const positions: number[] = [];
  const indptr = [0];
  const indices: number[] = [];
  const values: number[] = [];
  for (let i = 0; i < total; i++) {
    if (special[i] === 1) continue;
    positions.push(i);
    const row = new Set(latentsOf[ids[i] as number]);
    while (row.size < l0) row.add(draws.below(latents));
    for (const latent of [...row].sort((x, y) => x - y)) {
      indices.push(latent);
      values.push(0.1 + draws.next() * 3);
    }
    indptr.push(indices.length);
  }
  const docs = Array.from({ length: rows }, (_, r) => `d${b}-${r}`);
  return {
    tokens: {
      rows, context, ids, special, docs,
      mask: new Uint8Array(total).fill(1),
      doc: Int32Array.from({ length: total }, (_, i) => Math.floor(i / context)),
      domains: docs.map(() => 'bench'),
      cursor: { source: 'bench', shard: 0, row: b },
    },
    coded: {
      bench: {
        positions: Int32Array.from(positions),
        codes: { rows: positions.length, latents, indptr: Int32Array.from(indptr), indices: Int32Array.from(indices), values: Float32Array.from(values) },
      },
    },
  };
}

const memory = (): string => {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return `heap ${(heapUsed / 2 ** 20).toFixed(0)} MiB, arrays ${(arrayBuffers / 2 ** 20).toFixed(0)} MiB, rss ${(rss / 2 ** 20).toFixed(0)} MiB`;
};
/** CPU seconds of this process so far: on a shared machine the wall clock says little. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const seconds = (from: number): string => `${(cpu() - from).toFixed(1)} CPU s`;

console.log(`${latents} latents, L0 ${l0}; before: ${memory()}`);
const pool = Array.from({ length: 8 }, (_, b) => batch(b));
const collector = new ExampleCollector([{ name: 'bench', latents }]);
console.log(`8 batches made: ${memory()}`);
let tokens = 0;
let inside = 0;
for (let b = 0; tokens < wanted; b++) {
  const { tokens: own, coded } = pool[b] ?? batch(b);
  if (b < pool.length) delete pool[b];
  const from = cpu();
  collector.add(own, coded);
  inside += cpu() - from;
  tokens += (coded['bench'] as CodedTokens).codes.rows;
}
console.log(`collected ${tokens} tokens in ${inside.toFixed(1)} CPU s (${Math.round(tokens / inside)} tokens/s); ${memory()}`);
const book = collector.finish();
const live = book.live('bench');
let from = cpu();
const explainer = lexicalExplainer(book, { tokenizer });
const explained: Explained[] = [];
for (const latent of live) {
  const one = explainer.explain(book.latent('bench', latent));
  if (one !== undefined) explained.push(one);
}
console.log(`explained ${explained.length} of ${live.length} live latents in ${seconds(from)}; ${memory()}`);
from = cpu();
const judge = lexicalJudge({ tokenizer });
let sum = 0;
let scored = 0;
for (const one of explained) {
  const score = await detectionScore(book.latent('bench', one.latent), { explained: one, judge });
  if (score === undefined) continue;
  scored++;
  sum += score.balancedAccuracy.value;
}
console.log(`scored ${scored} in ${seconds(from)}, mean balanced accuracy ${(sum / scored).toFixed(3)}; ${memory()}`);

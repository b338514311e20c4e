import type { TokenBatch } from '@salmon-sae/dataflow';
import type { Windows } from './cut-windows.js';

/** How often each token id occurs in the explainer's documents: the background that explanations are told apart from. */
export class TokenCounts {
  private counts = new Float64Array(0);
  total = 0;

  add(tokens: TokenBatch, windows: Windows): void {
    for (let w = 0; w < windows.count; w++) {
      if (windows.pool[w] !== 0) continue;
      const start = windows.start[w] as number;
      const end = start + (windows.length[w] as number);
      for (let i = start; i < end; i++) this.see(tokens.ids[i] as number);
    }
  }

  count(id: number): number {
    return this.counts[id] ?? 0;
  }

  private see(id: number): void {
    if (id >= this.counts.length) {
      const grown = new Float64Array(Math.max(1024, id + 1, this.counts.length * 2));
      grown.set(this.counts);
      this.counts = grown;
    }
    this.counts[id] = (this.counts[id] as number) + 1;
    this.total++;
  }
}

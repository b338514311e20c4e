import type { BackgroundWindow } from './background.js';

/**
 * Lexical nearness between windows: cosine of TF-IDF vectors over token ids (sublinear tf, idf = ln(N / df)), held as an
 * inverted index. Tokens that stand in more than half of the windows say nothing and are left out.
 */
export class NearestTexts {
  private readonly postings = new Map<number, { readonly windows: number[]; readonly weights: number[] }>();
  private readonly idf = new Map<number, number>();

  constructor(private readonly windows: readonly BackgroundWindow[]) {
    const frequency = new Map<number, number>();
    for (const { ids } of windows) for (const id of new Set(ids)) frequency.set(id, (frequency.get(id) ?? 0) + 1);
    for (const [id, df] of frequency) {
      if (df <= windows.length / 2 || windows.length < 4) this.idf.set(id, Math.log((windows.length + 1) / df));
    }
    windows.forEach(({ ids }, w) => {
      for (const [id, weight] of this.vector(ids)) {
        const list = this.postings.get(id) ?? { windows: [], weights: [] };
        list.windows.push(w);
        list.weights.push(weight);
        this.postings.set(id, list);
      }
    });
  }

  /** Similarity of each background window to the mean of the texts given, [windows]. */
  similarity(texts: readonly Int32Array[]): Float64Array {
    const query = new Map<number, number>();
    for (const ids of texts) for (const [id, weight] of this.vector(ids)) query.set(id, (query.get(id) ?? 0) + weight);
    const out = new Float64Array(this.windows.length);
    for (const [id, weight] of query) {
      const list = this.postings.get(id);
      if (list === undefined) continue;
      for (let i = 0; i < list.windows.length; i++) {
        const w = list.windows[i] as number;
        out[w] = (out[w] as number) + weight * (list.weights[i] as number);
      }
    }
    return out;
  }

  private vector(ids: Int32Array): Map<number, number> {
    const out = new Map<number, number>();
    for (const id of ids) if (this.idf.has(id)) out.set(id, (out.get(id) ?? 0) + 1);
    let norm = 0;
    for (const [id, count] of out) {
      const weight = (1 + Math.log(count)) * (this.idf.get(id) ?? 0);
      out.set(id, weight);
      norm += weight * weight;
    }
    if (norm > 0) for (const [id, weight] of out) out.set(id, weight / Math.sqrt(norm));
    return out;
  }
}

import type { TokenBatch } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { Background } from './background.js';
import type { BackgroundWindow } from './background.js';
import { BoundedSample } from './bounded-sample.js';
import { cutWindows } from './cut-windows.js';
import type { Windows } from './cut-windows.js';
import { ExampleBook } from './example-book.js';
import { EXAMPLE_DEFAULTS } from './examples.js';
import type { CodedTokens, ExampleOptions, ExampleSettings } from './examples.js';
import { mix } from './hash.js';
import { LatentStatistics } from './latent-statistics.js';
import { TokenCounts } from './token-counts.js';
import { WindowStore } from './window-store.js';

export interface SaeShape {
  readonly name: string;
  readonly latents: number;
}

/** What is kept of one latent in one pool. */
export interface Kept {
  readonly top: BoundedSample;
  readonly sample: BoundedSample;
}

interface Book {
  readonly statistics: LatentStatistics;
  /** Latents whose examples are kept; undefined = all. */
  readonly chosen: Uint8Array | undefined;
  /** [pool][latent] */
  readonly kept: readonly (Kept | undefined)[][];
  readonly tableOf: Int32Array;
}

/**
 * Gathers statistics and example windows of every latent of one or several SAEs from a stream of batches.
 * Memory is bounded by latents x (top + sample) x window whatever the number of tokens; nothing is read twice.
 */
export class ExampleCollector {
  readonly settings: ExampleSettings;
  private readonly store: WindowStore;
  private readonly backgrounds: readonly [Background, Background];
  private readonly books = new Map<string, Book>();
  private readonly counts = new TokenCounts();
  private scratch = new Float32Array(0);

  constructor(saes: readonly SaeShape[], options: ExampleOptions = {}) {
    this.settings = { ...EXAMPLE_DEFAULTS, ...options };
    check(this.settings);
    this.store = new WindowStore(this.settings.window);
    this.backgrounds = [new Background(this.settings.background), new Background(this.settings.background)];
    for (const { name, latents } of saes) {
      const chosen = options.latents === undefined ? undefined : new Uint8Array(latents);
      for (const latent of options.latents ?? []) {
        if (chosen !== undefined && latent < latents) chosen[latent] = 1;
      }
      this.books.set(name, {
        statistics: new LatentStatistics(latents),
        chosen,
        kept: [new Array<Kept | undefined>(latents), new Array<Kept | undefined>(latents)],
        tableOf: new Int32Array(latents).fill(-1),
      });
    }
  }

  /** Takes a batch with the codes of each SAE on it; rows at special positions are left out. Throws `bad-shape`, `usage`. */
  add(tokens: TokenBatch, coded: Readonly<Record<string, CodedTokens>>): void {
    const windows = cutWindows(tokens, this.settings);
    this.counts.add(tokens, windows);
    const stored = new Int32Array(windows.count).fill(-1);
    const kept = this.fillBackground(tokens, windows);
    for (const [name, codes] of Object.entries(coded)) {
      this.checked(name, codes);
      this.scan({ tokens, windows, stored, kept }, name, codes);
    }
    // The batch's own references end here: a window that no latent kept is free again.
    for (const slot of stored) if (slot >= 0) this.store.release(slot);
  }

  /**
   * Takes a batch of a text that is read only to compare domains: no windows, no densities, only how often each latent is active in
   * which domain. Throws `bad-shape`, `usage`.
   */
  count(tokens: TokenBatch, coded: Readonly<Record<string, CodedTokens>>): void {
    for (const [name, { codes, positions }] of Object.entries(coded)) {
      const { statistics } = this.checked(name, { codes, positions });
      const domains = tokens.domains.map((domain) => statistics.domain(domain));
      for (let row = 0; row < codes.rows; row++) {
        const at = positions[row] as number;
        if (tokens.special[at] === 1) continue;
        const domain = domains[tokens.doc[at] as number] ?? statistics.domain('');
        domain.tokens++;
        for (let k = codes.indptr[row] as number; k < (codes.indptr[row + 1] as number); k++) {
          const latent = codes.indices[k] as number;
          if ((codes.values[k] as number) > 0) domain.active[latent] = (domain.active[latent] as number) + 1;
        }
      }
    }
  }

  /** What was gathered; the collector may go on collecting, and the book then grows with it. */
  finish(): ExampleBook {
    return new ExampleBook({
      settings: this.settings,
      store: this.store,
      backgrounds: [this.backgrounds[0].windows(), this.backgrounds[1].windows()],
      saes: new Map([...this.books].map(([name, { statistics, kept }]) => [name, { statistics, kept }])),
      counts: this.counts,
    });
  }

  private checked(name: string, { codes, positions }: CodedTokens): Book {
    const book = this.books.get(name);
    if (book === undefined) {
      throw new SalmonError('usage', {
        what: 'Codes of an SAE that the collector was not made for',
        where: name,
        expected: `one of ${[...this.books.keys()].join(', ')}`,
      });
    }
    checkCodes(codes, positions, { name, latents: book.statistics.latents });
    return book;
  }

  private fillBackground(tokens: TokenBatch, windows: Windows): readonly (BackgroundWindow | undefined)[] {
    const out = new Array<BackgroundWindow | undefined>(windows.count);
    for (let w = 0; w < windows.count; w++) {
      const hash = windows.hash[w] as number;
      const key = mix(hash ^ mix(this.settings.seed ^ 0x5bd1e995));
      const background = this.backgrounds[windows.pool[w] as 0 | 1];
      if (!background.wants(key, hash)) continue;
      const start = windows.start[w] as number;
      const doc = windows.doc[w] as number;
      const window: BackgroundWindow = {
        ids: tokens.ids.slice(start, start + (windows.length[w] as number)),
        doc: tokens.docs[doc] ?? '',
        domain: tokens.domains[doc] ?? '',
        offset: windows.offset[w] as number,
        hash,
        fired: new Map(),
      };
      background.put(key, window);
      out[w] = window;
    }
    return out;
  }

  private scan(batch: Batch, name: string, { codes, positions }: CodedTokens): void {
    const book = this.books.get(name) as Book;
    const { windows } = batch;
    const { statistics, tableOf } = book;
    const width = this.settings.window;
    const touched: number[] = [];
    let row = 0;
    const domains = batch.tokens.domains.map((name) => statistics.domain(name));
    for (let w = 0; w < windows.count; w++) {
      const start = windows.start[w] as number;
      const end = start + (windows.length[w] as number);
      const domain = domains[windows.doc[w] as number] ?? statistics.domain('');
      while (row < codes.rows && (positions[row] as number) < start) row++;
      for (; row < codes.rows && (positions[row] as number) < end; row++) {
        statistics.tokens++;
        domain.tokens++;
        const t = (positions[row] as number) - start;
        const last = codes.indptr[row + 1] as number;
        for (let k = codes.indptr[row] as number; k < last; k++) {
          const value = codes.values[k] as number;
          if (!(value > 0)) continue;
          const latent = codes.indices[k] as number;
          statistics.see(latent, value, domain);
          let line = tableOf[latent] as number;
          if (line < 0) {
            tableOf[latent] = line = touched.length;
            touched.push(latent);
            this.clearLine(line);
          }
          this.scratch[line * width + t] = value;
        }
      }
      this.keepTouched(batch, book, { w, touched });
      batch.kept[w]?.fired.set(name, Int32Array.from(touched).sort());
      for (const latent of touched) tableOf[latent] = -1;
      touched.length = 0;
    }
  }

  private clearLine(line: number): void {
    const width = this.settings.window;
    if ((line + 1) * width > this.scratch.length) {
      const grown = new Float32Array(Math.max(1024 * width, this.scratch.length * 2));
      grown.set(this.scratch);
      this.scratch = grown;
    }
    this.scratch.fill(0, line * width, (line + 1) * width);
  }

  private keepTouched(batch: Batch, book: Book, at: { readonly w: number; readonly touched: readonly number[] }): void {
    const { w, touched } = at;
    const { windows, stored } = batch;
    const width = this.settings.window;
    const length = windows.length[w] as number;
    const hash = windows.hash[w] as number;
    const shelf = book.kept[windows.pool[w] as number] as (Kept | undefined)[];
    for (let line = 0; line < touched.length; line++) {
      const latent = touched[line] as number;
      book.statistics.windows[latent] = (book.statistics.windows[latent] as number) + 1;
      if (book.chosen !== undefined && book.chosen[latent] === 0) continue;
      let peak = 0;
      for (let i = line * width; i < line * width + length; i++) if ((this.scratch[i] as number) > peak) peak = this.scratch[i] as number;
      const kept = (shelf[latent] ??= {
        top: new BoundedSample(this.settings.top, this.store),
        sample: new BoundedSample(this.settings.sample, this.store),
      });
      const chance = mix(hash ^ mix(latent + 1) ^ this.settings.seed);
      for (const [list, key] of [
        [kept.top, peak],
        [kept.sample, chance],
      ] as const) {
        if (!list.wants(key) || list.holds(hash)) continue;
        if ((stored[w] as number) < 0) stored[w] = this.storeWindow(batch, w);
        list.put(key, stored[w] as number, { values: this.scratch, at: line * width });
      }
    }
  }

  private storeWindow({ tokens, windows }: Batch, w: number): number {
    const doc = windows.doc[w] as number;
    const slot = this.store.put(tokens.ids, {
      start: windows.start[w] as number,
      length: windows.length[w] as number,
      offset: windows.offset[w] as number,
      hash: windows.hash[w] as number,
      doc: tokens.docs[doc] ?? '',
      domain: tokens.domains[doc] ?? '',
    });
    this.store.retain(slot);
    return slot;
  }
}

interface Batch {
  readonly tokens: TokenBatch;
  readonly windows: Windows;
  /** Window -> slot of the store, -1 where no latent wanted it yet. */
  readonly stored: Int32Array;
  readonly kept: readonly (BackgroundWindow | undefined)[];
}

function check(settings: ExampleSettings): void {
  for (const name of ['window', 'top', 'sample', 'quantiles', 'background', 'random', 'hard'] as const) {
    const value = settings[name];
    if (!Number.isInteger(value) || value < (name === 'window' || name === 'quantiles' ? 1 : 0)) {
      throw new SalmonError('bad-config', { what: 'Bad example setting', where: name, expected: 'a whole number', got: String(value) });
    }
  }
  const share = settings.explainerShare;
  if (!(share > 0 && share < 1)) {
    throw new SalmonError('bad-config', { what: 'Bad example setting', where: 'explainerShare', expected: 'between 0 and 1', got: String(share) });
  }
}

function checkCodes(codes: CodedTokens['codes'], positions: Int32Array, sae: SaeShape): void {
  const fail = (what: string, expected: string, got: string): never => {
    throw new SalmonError('bad-shape', { what, where: sae.name, expected, got });
  };
  if (codes.latents !== sae.latents) fail('Codes have another number of latents', String(sae.latents), String(codes.latents));
  if (positions.length !== codes.rows) fail('Code rows and positions differ in number', String(codes.rows), String(positions.length));
  for (let i = 1; i < positions.length; i++) {
    if ((positions[i] as number) <= (positions[i - 1] as number)) {
      fail('Positions of code rows must rise', `more than ${positions[i - 1] as number}`, String(positions[i]));
    }
  }
}

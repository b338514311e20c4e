import { random, SalmonError } from '@salmon-sae/dataflow';
import { contains } from './background.js';
import type { BackgroundWindow } from './background.js';
import type { BoundedSample } from './bounded-sample.js';
import type { Example, ExampleSettings, LatentExamples, PoolExamples } from './examples.js';
import type { LatentStatistics } from './latent-statistics.js';
import { NearestTexts } from './nearest-texts.js';
import type { TokenCounts } from './token-counts.js';
import type { WindowStore } from './window-store.js';

export interface BookParts {
  readonly settings: ExampleSettings;
  readonly store: WindowStore;
  /** Explainer's, scorer's. */
  readonly backgrounds: readonly [readonly BackgroundWindow[], readonly BackgroundWindow[]];
  readonly saes: ReadonlyMap<string, SaeBook>;
  readonly counts: TokenCounts;
}

interface SaeBook {
  readonly statistics: LatentStatistics;
  readonly kept: readonly (readonly ({ readonly top: BoundedSample; readonly sample: BoundedSample } | undefined)[])[];
}

interface Held {
  readonly hash: number;
  readonly example: Example;
}

/** All that was collected; the examples of a latent are made when asked for, so a book of many latents stays small. */
export class ExampleBook {
  private readonly nearest: [NearestTexts | undefined, NearestTexts | undefined] = [undefined, undefined];

  /** Texts that the explainer may see as silent windows; the scorer gets none of them. */
  private readonly explainerBackground: ReadonlySet<number>;

  constructor(private readonly parts: BookParts) {
    this.explainerBackground = new Set(parts.backgrounds[0].map(({ hash }) => hash));
  }

  get settings(): ExampleSettings {
    return this.parts.settings;
  }

  /** Names of the SAEs. */
  get saes(): readonly string[] {
    return [...this.parts.saes.keys()];
  }

  /** Token counts over the explainer's documents. */
  get counts(): TokenCounts {
    return this.parts.counts;
  }

  /** Windows sampled evenly from one party's documents. */
  background(pool: 'explainer' | 'scorer'): readonly BackgroundWindow[] {
    return this.parts.backgrounds[pool === 'explainer' ? 0 : 1];
  }

  statistics(sae: string): LatentStatistics {
    return this.sae(sae).statistics;
  }

  /** Latents with at least `windows` activating windows. */
  live(sae: string, windows = 1): Int32Array {
    const { statistics } = this.sae(sae);
    return Int32Array.from(statistics.windows.keys()).filter((latent) => (statistics.windows[latent] as number) >= windows);
  }

  /** The examples of one latent; a scorer's window never has the text of a window the explainer may see. */
  latent(sae: string, latent: number): LatentExamples {
    const { statistics } = this.sae(sae);
    if (!Number.isInteger(latent) || latent < 0 || latent >= statistics.latents) {
      throw new SalmonError('usage', {
        what: 'No such latent',
        where: sae,
        expected: `0 .. ${statistics.latents - 1}`,
        got: String(latent),
      });
    }
    const kept = this.sae(sae).kept[0]?.[latent];
    const seen = new Set<number>();
    for (const list of [kept?.top, kept?.sample]) for (const { slot } of list?.entries() ?? []) seen.add(this.parts.store.hash(slot));
    // Made when first asked for: who only scores does not pay for the explainer's windows.
    const pools: [PoolExamples | undefined, PoolExamples | undefined] = [undefined, undefined];
    const pool = (which: 0 | 1): PoolExamples => (pools[which] ??= this.pool({ sae, latent, pool: which }, seen));
    const active = statistics.active[latent] as number;
    return {
      sae,
      latent,
      tokens: statistics.tokens,
      active,
      density: statistics.density(latent),
      maxActivation: statistics.max[latent] as number,
      meanActivation: active === 0 ? 0 : (statistics.sum[latent] as number) / active,
      windows: statistics.windows[latent] as number,
      get explainer(): PoolExamples {
        return pool(0);
      },
      get scorer(): PoolExamples {
        return pool(1);
      },
    };
  }

  private sae(name: string): SaeBook {
    const found = this.parts.saes.get(name);
    if (found === undefined) {
      throw new SalmonError('usage', { what: 'No such SAE', where: name, expected: `one of ${this.saes.join(', ')}` });
    }
    return found;
  }

  private pool(of: { readonly sae: string; readonly latent: number; readonly pool: 0 | 1 }, seen: ReadonlySet<number>): PoolExamples {
    const { settings } = this.parts;
    const kept = this.sae(of.sae).kept[of.pool]?.[of.latent];
    const fresh = ({ hash }: { readonly hash: number }): boolean => of.pool === 0 || !(seen.has(hash) || this.explainerBackground.has(hash));
    const top = this.ranked(kept?.top, -1).filter(fresh);
    const sample = this.ranked(kept?.sample, 0).filter(fresh);
    // Equal-count slices of the ranked windows, as delphi cuts them (arXiv 2410.13928): index 0 is the strongest.
    const quantiles: Example[][] = Array.from({ length: settings.quantiles }, () => []);
    sample.forEach(({ example }, i) => {
      const quantile = Math.floor((i * settings.quantiles) / sample.length);
      quantiles[quantile]?.push({ ...example, quantile });
    });
    const negatives = this.negatives(of, [...top, ...sample], fresh);
    return {
      top: top.map((held) => held.example),
      quantiles,
      random: negatives.random.map((held) => held.example),
      hard: negatives.hard.map((held) => held.example),
    };
  }

  private ranked(list: BoundedSample | undefined, quantile: number): Held[] {
    const out: Held[] = [];
    for (const { slot, activations } of list?.entries() ?? []) {
      const values = activations.slice();
      const example: Example = { ...this.parts.store.get(slot), activations: values, peak: values.reduce((a, b) => Math.max(a, b), 0), quantile, kind: 'activating' };
      out.push({ hash: this.parts.store.hash(slot), example });
    }
    return out.sort((a, b) => b.example.peak - a.example.peak || b.hash - a.hash);
  }

  private negatives(
    of: { readonly sae: string; readonly latent: number; readonly pool: 0 | 1 },
    positives: readonly Held[],
    fresh: (held: { readonly hash: number }) => boolean,
  ): { readonly random: readonly Held[]; readonly hard: readonly Held[] } {
    const { settings, backgrounds } = this.parts;
    const windows = backgrounds[of.pool];
    const silent: number[] = [];
    windows.forEach((window, w) => {
      const fired = window.fired.get(of.sae);
      if (fired !== undefined && !contains(fired, of.latent) && fresh(window)) silent.push(w);
    });
    let hard: number[] = [];
    if (settings.hard > 0 && positives.length > 0) {
      const near = (this.nearest[of.pool] ??= new NearestTexts(windows)).similarity(positives.map((p) => p.example.ids));
      // Half of the silent windows at most, so that rare silence still leaves random ones to draw.
      const room = Math.min(settings.hard, Math.floor(silent.length / 2));
      hard = strongest(silent.filter((w) => (near[w] as number) > 0), near, room);
    }
    const taken = new Set(hard);
    const rest = silent.filter((w) => !taken.has(w));
    const drawn = random(settings.seed, 'negatives', of.sae, of.latent, of.pool).shuffle(rest).slice(0, settings.random);
    const held = (w: number, kind: 'random' | 'hard'): Held => {
      const { hash, ids, doc, domain, offset } = windows[w] as BackgroundWindow;
      return { hash, example: { ids, doc, domain, offset, activations: new Float32Array(ids.length), peak: 0, quantile: -2, kind } };
    };
    return { random: drawn.map((w) => held(w, 'random')), hard: hard.map((w) => held(w, 'hard')) };
  }
}

function strongest(candidates: readonly number[], value: Float64Array, n: number): number[] {
  return [...candidates].sort((a, b) => (value[b] as number) - (value[a] as number) || a - b).slice(0, n);
}

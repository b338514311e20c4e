import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { random } from '@salmon-sae/dataflow';
import type { FeatureCard, FeatureContext } from '@salmon-sae/dataflow';
import { randomState, saveSae } from '@salmon-sae/sae-core';

/** Words of a made-up language of shops and trades; every text below is put together from them. */
const THINGS = ['lantern', 'kettle', 'ledger', 'ribbon', 'anvil', 'saddle', 'compass', 'barrel', 'chisel', 'candle', 'satchel', 'hammer'];
const DEEDS = ['mended', 'sold', 'weighed', 'polished', 'carried', 'counted'];
const PLACES = ['by the harbour', 'in the attic', 'behind the mill', 'at the fair', 'under the bridge'];

export const HOSTILE = '<script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">';
export const MINNOW = join(import.meta.dirname, '..', '..', '..', 'datasets', 'minnow');

export interface MakeRunOptions {
  /** Latents of each SAE. */
  readonly latents?: number;
  readonly seed?: number;
  /** Exchanges what the two first SAEs are called in saes.json and report.json; cards and weights stay. */
  readonly swapArms?: boolean;
  /** Cards without the fields that earlier runs did not record: histogram, domainShare, denseClass. */
  readonly older?: boolean;
  /** Short cards and no weights, for tests that need very many latents and neither map nor live page. */
  readonly light?: boolean;
}

export const SAES = ['sae-one', 'sae-two', 'sae-three'] as const;
export const TEXT = 'trades';

/** Writes a small finished run: three arms, a few latents each with invented contexts, weights for the bundled model's width. */
export async function makeRun(folder: string, options: MakeRunOptions = {}): Promise<string> {
  const { latents = 24, seed = 3, swapArms = false, older = false, light = false } = options;
  const arms = swapArms ? ['domain', 'broad', 'boosted'] : ['broad', 'domain', 'boosted'];
  const json = (path: string, data: unknown): Promise<void> => writeFile(join(folder, path), JSON.stringify(data));
  await mkdir(join(folder, 'cards', TEXT), { recursive: true });
  await json('config.json', { name: 'fixture', model: { source: MINNOW, hook: 'resid_post.4', precision: 'f32', context: 64 } });
  await json('metrics.json', []);
  const saes = SAES.map((name, i) => ({ name, path: `saes/${name}`, arm: arms[i], text: i === 0 ? 'broad' : TEXT, latents, targetL0: 8, seed: 1, headline: true }));
  await json('saes.json', [...saes, { ...saes[0], name: 'sae-wide', path: 'saes/sae-wide', targetL0: 16, headline: false }]);
  await json('report.json', reportOf(arms, latents));
  for (const [i, name] of SAES.entries()) {
    const cards = Array.from({ length: latents }, (_, latent) => cardOf(name, latent, { latents, seed: seed + i, older, contexts: light ? 1 : 20 }));
    await writeFile(join(folder, 'cards', TEXT, `${name}.jsonl`), cards.map((card) => `${JSON.stringify(card)}\n`).join(''));
    if (light) {
      await mkdir(join(folder, 'saes', name), { recursive: true });
      continue;
    }
    const state = randomState('jumprelu', { width: 192, latents, seed: seed + i });
    await saveSae({ ...state, site: { model: 'minnow', hook: 'resid_post.4', width: 192 } }, join(folder, 'saes', name));
  }
  return folder;
}

function reportOf(arms: readonly (string | undefined)[], latents: number): unknown {
  const measured = (value: number): object => ({ value, low: value - 0.02, high: value + 0.02 });
  const row = (sae: string, arm: string | undefined, l0: number, fve: number): object => ({
    sae,
    arm,
    latents,
    targetL0: l0,
    seed: 1,
    texts: { domain: { l0: measured(l0), fve: measured(fve), deltaCe: measured(1 - fve), withBos: {} }, broad: { l0: measured(l0), fve: measured(fve - 0.05) } },
  });
  return {
    version: 1,
    title: 'Trades against everything',
    summary: 'An invented run for tests.',
    run: { id: 'fixture', created: '2026-01-01T00:00:00.000Z', model: 'minnow', hook: 'resid_post.4', width: 192 },
    arms: [
      { id: 'broad', label: 'Broad', description: 'trained on everything' },
      { id: 'domain', label: 'Domain', description: 'trained on trades' },
      { id: 'boosted', label: 'Boosted', description: 'broad plus a residual' },
    ],
    saes: [row('sae-one', arms[0], 8, 0.6), row('sae-wide', arms[0], 16, 0.7), row('sae-two', arms[1], 8, 0.66), row('sae-three', arms[2], 9, 0.64)],
    verdict: { paragraph: 'An invented verdict.' },
  };
}

function cardOf(sae: string, latent: number, by: { readonly latents: number; readonly seed: number; readonly older: boolean; readonly contexts: number }): FeatureCard {
  const draw = random(by.seed, 'card', sae, latent);
  const word = THINGS[(latent + by.seed) % THINGS.length] as string;
  const max = 4 + 6 * draw.next();
  const top = Array.from({ length: Math.min(4, by.contexts) }, (_, i) => contextOf(draw, { word, peak: max * (1 - i / 20), quantile: -1 }));
  const sampled = Array.from({ length: by.contexts }, (_, i) => ({ ...contextOf(draw, { word, peak: max * (1 - i / 25), quantile: Math.floor(i / 2) }), ...(by.older ? {} : { pool: i % 2 === 0 ? ('scorer' as const) : ('explainer' as const) }) }));
  const contexts = [...top, ...sampled];
  if (latent === 1) contexts[0] = { ...(contexts[0] as FeatureContext), tokens: ['The', ` ${word}`, ' says', HOSTILE], activations: [0, max, 0, 1], peak: max };
  const others = SAES.filter((name) => name !== sae);
  return {
    sae,
    latent,
    density: Number((0.002 * 1.2 ** (latent % 12)).toPrecision(5)),
    maxActivation: max,
    contexts,
    promoted: THINGS.slice(0, 5).map((token, i) => ({ token: ` ${token}`, value: 0.5 - i / 20 })),
    suppressed: DEEDS.slice(0, 5).map((token, i) => ({ token: ` ${token}`, value: -0.4 + i / 20 })),
    ...(by.older ? {} : recorded(draw, { latent, max })),
    neighbours: others.map((name) => ({ sae: name, latent: (latent + 1) % by.latents, cosine: Number((latent % 3 === 0 ? 0.2 + 0.3 * draw.next() : 0.75 + 0.2 * draw.next()).toFixed(3)) })),
    ...(latent % 4 === 3
      ? {}
      : {
          explanation: {
            text: latent === 1 ? `Fires on ${HOSTILE}` : `Fires on the word "${word}".`,
            method: 'lexical',
            scores: [{ scorer: 'detection', metric: 'balancedAccuracy', value: 0.5 + 0.5 * draw.next(), low: 0.4, high: 1, n: 40, control: 0.5 }],
          },
        }),
  };
}

/** Every twelfth latent is dense, of one of three classes. */
const DENSE = ['position', 'position+output', 'unclassified'];

function recorded(draw: ReturnType<typeof random>, { latent, max }: { readonly latent: number; readonly max: number }): Pick<FeatureCard, 'histogram' | 'domainShare' | 'denseClass'> {
  const edges = Array.from({ length: 33 }, (_, i) => Number((max * 2 ** (i / 8 - 4)).toPrecision(6)));
  const share = Number(draw.next().toFixed(4));
  return {
    histogram: { edges, counts: edges.slice(1).map((_, i) => Math.round(40 * Math.exp(-(((i - 16) / 8) ** 2)))) },
    domainShare: { [TEXT]: share, broad: Number((1 - share).toFixed(4)) },
    denseClass: latent % 12 === 11 ? (DENSE[Math.floor(latent / 12) % DENSE.length] as string) : null,
  };
}

function contextOf(draw: ReturnType<typeof random>, of: { readonly word: string; readonly peak: number; readonly quantile: number }): FeatureContext {
  const pick = (list: readonly string[]): string => list[draw.below(list.length)] as string;
  const text = `They ${pick(DEEDS)} the ${of.word} and the ${pick(THINGS)} ${pick(PLACES)}.`;
  const tokens = text.split(/(?= )/);
  const at = tokens.findIndex((token) => token.trim() === of.word);
  const activations = tokens.map((_, i) => (i === at ? of.peak : i === at + 3 ? of.peak / 3 : 0));
  return { doc: `trades/${draw.below(1e6)}`, domain: TEXT, tokens, activations, peak: of.peak, quantile: of.quantile };
}

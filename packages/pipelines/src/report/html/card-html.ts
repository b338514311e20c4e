import type { FeatureCard, FeatureContext, LogitEffect } from '@salmon-sae/dataflow';
import { escapeHtml, visibleToken } from '../escape.js';
import { formatInterval, formatNumber } from '../number-format.js';

/** Contexts shown at once; the others open on demand. */
const contextsShown = 4;

/** One latent as a card: explanation and score, how often it fires, contexts with the active tokens marked, tokens it promotes. */
export function cardHtml(card: FeatureCard): string {
  const title = card.explanation === undefined ? `Latent ${card.latent}` : escapeHtml(card.explanation.text);
  const scores = (card.explanation?.scores ?? []).map((score) => {
    const interval = formatInterval(score, 'fixed2') ?? '';
    const control = score.control === undefined ? '' : `, control ${formatNumber(score.control, 'fixed2')}`;
    return `${escapeHtml(score.scorer)} ${escapeHtml(score.metric)} ${formatNumber(score.value, 'fixed2')} ${interval} on ${score.n} windows${control}`;
  });
  const meta = [
    `${escapeHtml(card.sae)}, latent ${card.latent}`,
    `fires on ${densityText(card.density)}`,
    `strongest ${formatNumber(card.maxActivation, 'short3')}`,
    ...(typeof card.denseClass !== 'string' ? [] : [`dense class: ${escapeHtml(card.denseClass)}`]),
  ];
  const contexts = card.contexts.map(contextHtml);
  const more = contexts.slice(contextsShown);
  return [
    `<li class="card"><h3>${title}</h3><p class="meta">${meta.join(' · ')}</p>`,
    scores.length === 0 ? '' : `<p class="meta">${scores.join('<br>')}</p>`,
    effects('Promotes', card.promoted),
    effects('Suppresses', card.suppressed),
    contexts.length === 0 ? '' : `<ul>${contexts.slice(0, contextsShown).join('')}</ul>`,
    more.length === 0 ? '' : `<details><summary>${more.length} more ${more.length === 1 ? 'context' : 'contexts'}</summary><ul>${more.join('')}</ul></details>`,
    '</li>',
  ].join('');
}

/** "1 in 250 tokens". */
export function densityText(density: number): string {
  if (!(density > 0)) return 'no token of the evaluation text';
  return density >= 0.1 ? `${formatNumber(density, 'percent')} of tokens` : `1 in ${formatNumber(Math.round(1 / density), 'integer')} tokens`;
}

function contextHtml({ tokens, activations, peak, domain, quantile }: FeatureContext): string {
  const strongest = Math.max(...activations, 1e-12);
  const text = tokens
    .map((token, i) => {
      const shown = escapeHtml(visibleToken(token));
      const activation = activations[i] ?? 0;
      if (!(activation > 0)) return shown;
      const strength = Math.max(0.15, activation / strongest).toFixed(2);
      return `<mark${i === peak ? ' class="peak"' : ''} style="--a:${strength}" title="${formatNumber(activation, 'short3')}">${shown}</mark>`;
    })
    .join('');
  const rank = quantile < 0 ? 'top' : `quantile ${quantile + 1}`;
  return `<li class="context">${text} <small>${escapeHtml(domain)}, ${rank}, peak ${formatNumber(activations[peak] ?? strongest, 'short3')}</small></li>`;
}

function effects(label: string, list: readonly LogitEffect[]): string {
  if (list.length === 0) return '';
  return `<p class="meta tokens">${label} ${list.slice(0, 8).map(({ token, value }) => `<code title="${formatNumber(value, 'short3')}">${escapeHtml(visibleToken(token))}</code>`).join(' ')}</p>`;
}

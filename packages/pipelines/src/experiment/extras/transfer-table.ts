import type { ActivationBatch, Tokenizer } from '@salmon-sae/dataflow';
import { dare, frrHead, interval } from '@salmon-sae/metrics';
import type { DomainRows } from '@salmon-sae/metrics';
import type { Sae } from '@salmon-sae/sae-core';
import type { ExtraTable } from '../../report/index.js';
import { DEFINITION_COLUMN, SAE_COLUMN } from './extra-task.js';
import type { ExtraRow, ExtraTask } from './extra-task.js';

/** Tokens of each text, and latents of each SAE, that the heads see. */
const TOKENS = 800;
const FEATURES = 32;

/** Probes that have to hold in a domain they were not trained on (arXiv 2202.06856), and how many latents they rely on (arXiv 2210.01360). */
export function transferTable({ session, domain, saes, onDomain, onBroad, others }: ExtraTask): ExtraTable {
  const texts = [{ name: domain.name, batches: onDomain }, ...others, { name: session.config.broad.name, batches: onBroad }];
  const { samples: replicates, seed } = session.config.bootstrap;
  const rows = texts.length < 3 ? [] : saes.map(({ plan, sae }): ExtraRow => {
    const data = wordEndRows(sae, texts, session.model.tokenizer);
    const { metrics } = dare(data, { replicates, seed });
    const ids = ['erm_accuracy@1', 'dare_accuracy@1', 'dare_adapted_accuracy@1'];
    return [plan.name, ...ids.map((id) => (metrics[id] === undefined ? null : interval(metrics[id]))), frrHead(data).featuresUsed, `${ids.join(', ')}, frr_latents_used@1`];
  });
  return {
    id: 'domain-transfer',
    title: 'Probes across domains',
    caption: `Task: does a new word begin after this token? Read from the ${FEATURES} most active latents, trained on all texts but one and tested on that one, mean over texts: plain head, domain-adjusted regression with averaged whitening, and whitened with the unlabelled test inputs. Last number: effective latents a head under the feature reconstruction regularizer relies on.${texts.length < 3 ? ' Not measured: it needs two domains besides the broad text.' : ''}`,
    columns: [SAE_COLUMN, { id: 'erm', label: 'Plain' }, { id: 'dare', label: 'Domain-adjusted' }, { id: 'adapted', label: 'Adapted to inputs' }, { id: 'frr', label: 'Latents used' }, DEFINITION_COLUMN],
    rows,
  };
}

/** Tokens labelled by whether the next token of the same document begins a word; features: the latents that fire most often. */
function wordEndRows(sae: Sae, texts: readonly { readonly name: string; readonly batches: readonly ActivationBatch[] }[], tokenizer: Tokenizer): DomainRows {
  const chosen: { readonly label: number; readonly domain: string; readonly document: string; readonly codes: ReadonlyMap<number, number> }[] = [];
  const fired = new Float64Array(sae.latents);
  for (const { name, batches } of texts) {
    let taken = 0;
    for (const batch of batches) {
      if (taken >= TOKENS) break;
      const codes = sae.encode(batch.values, batch.rows);
      const { doc, position, tokenId, docs } = batch.origin;
      for (let t = 0; t + 1 < batch.rows && taken < TOKENS; t++) {
        if (doc[t] !== doc[t + 1] || position[t + 1] !== position[t]! + 1) continue;
        const own = new Map<number, number>();
        for (let i = codes.indptr[t]!; i < codes.indptr[t + 1]!; i++) {
          own.set(codes.indices[i]!, codes.values[i]!);
          fired[codes.indices[i]!]! += 1;
        }
        chosen.push({ label: /^\s/.test(tokenizer.token(tokenId[t + 1]!)) ? 1 : 0, domain: name, document: docs[doc[t]!]!, codes: own });
        taken += 1;
      }
    }
  }
  const features = [...fired.keys()].sort((a, b) => fired[b]! - fired[a]! || a - b).slice(0, FEATURES);
  const x = new Float64Array(chosen.length * features.length);
  chosen.forEach(({ codes }, row) => features.forEach((latent, d) => (x[row * features.length + d] = codes.get(latent) ?? 0)));
  return { rows: chosen.length, width: features.length, x, label: chosen.map(({ label }) => label), classes: 2, domain: chosen.map((row) => row.domain), document: chosen.map((row) => row.document) };
}

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FeatureCard } from '@salmon-sae/dataflow';
import { SalmonError, writeDirectoryAtomic, writeFileAtomic } from '@salmon-sae/dataflow';
import { dashboardFeature } from './dashboard.js';
import type { DashboardExtras, DashboardFeature } from './dashboard.js';

export interface NeuronpediaTarget {
  readonly modelId: string;
  readonly modelName?: string;
  readonly layers: number;
  /** Width of the residual stream. */
  readonly width?: number;
  readonly layer: number;
  /** Such as hook_resid_post; the file says blocks.<layer>.<hook>. */
  readonly hook: string;
  /** Set of SAEs, such as medical-res-16k. */
  readonly sourceSet: string;
  readonly suffix?: string;
  readonly release: string;
  readonly creator: string;
  /** ISO date of every record, so that the same cards give the same files. */
  readonly createdAt: string;
  readonly batch?: number;
}

const zip = promisify(gzip);

/** `<layer>-<set>`, with `__<suffix>` where there is one. */
export function sourceId(target: Pick<NeuronpediaTarget, 'layer' | 'sourceSet' | 'suffix'>): string {
  return `${target.layer}-${target.sourceSet}${target.suffix === undefined ? '' : `__${target.suffix}`}`;
}

/**
 * Writes Neuronpedia's bulk-import folder `<folder>/<model>/<source>`: release, model, sourceset and source as JSON lines,
 * features, activations and explanations as gzipped batches. The source's folder appears whole or not at all.
 */
export async function exportNeuronpedia(
  folder: string,
  cards: AsyncIterable<FeatureCard> | Iterable<FeatureCard>,
  options: { readonly target: NeuronpediaTarget; readonly extras: (card: FeatureCard) => DashboardExtras },
): Promise<string> {
  const { target } = options;
  const id = sourceId(target);
  for (const [name, part] of [['modelId', target.modelId], ['sourceSet', target.sourceSet]] as const) {
    if (!/^[\w.-]+$/.test(part) || part === '..') throw new SalmonError('bad-config', { what: 'A Neuronpedia id is used as a folder name', where: name, expected: 'letters, digits, dot, dash, underscore', got: part });
  }
  const path = join(folder, target.modelId, id);
  await writeDirectoryAtomic(path, async (inside) => {
    const batch: FeatureCard[] = [];
    let number = 0;
    let extras: DashboardExtras | undefined;
    const flush = async (): Promise<void> => {
      const records = batch.map((card) => recordsOf(card, options));
      const name = `batch-${number++}.jsonl.gz`;
      await writeFileAtomic(join(inside, 'features', name), await zip(lines(records.map((r) => r.feature))));
      await writeFileAtomic(join(inside, 'activations', name), await zip(lines(records.flatMap((r) => r.activations))));
      const explanations = records.flatMap((r) => r.explanations);
      if (explanations.length > 0) await writeFileAtomic(join(inside, 'explanations', name), await zip(lines(explanations)));
      batch.length = 0;
    };
    for await (const card of cards) {
      extras ??= options.extras(card);
      batch.push(card);
      if (batch.length >= (target.batch ?? 256)) await flush();
    }
    if (batch.length > 0) await flush();
    for (const [name, record] of Object.entries(heads(target, extras))) await writeFileAtomic(join(inside, `${name}.jsonl`), lines([record]));
  });
  return path;
}

function recordsOf(card: FeatureCard, { target, extras }: { readonly target: NeuronpediaTarget; readonly extras: (card: FeatureCard) => DashboardExtras }): {
  readonly feature: object;
  readonly activations: readonly object[];
  readonly explanations: readonly object[];
} {
  const id = sourceId(target);
  const common = { modelId: target.modelId, layer: id, index: String(card.latent) };
  const more = extras(card);
  const near = more.similar ?? card.neighbours.filter((n) => n.sae === card.sae);
  const dashboard: DashboardFeature = dashboardFeature(card, more);
  const { activations, vector } = dashboard;
  const lists = Object.fromEntries(Object.entries(dashboard).filter(([name]) => !ELSEWHERE.has(name)));
  const feature = {
    ...common,
    creatorId: target.creator,
    createdAt: target.createdAt,
    maxActApprox: card.maxActivation,
    hasVector: vector.length > 0,
    vector,
    vectorLabel: null,
    vectorDefaultSteerStrength: card.maxActivation > 0 ? card.maxActivation : 10,
    hookName: `blocks.${target.layer}.${target.hook}`,
    topkCosSimIndices: near.map((n) => n.latent),
    topkCosSimValues: near.map((n) => n.cosine),
    ...lists,
    sourceSetName: target.sourceSet,
  };
  return {
    feature,
    activations: activations.map((a, i) => {
      const most = a.values.reduce((best, v, t) => (v > (a.values[best] as number) ? t : best), 0);
      return {
        id: recordId(common.modelId, id, common.index, 'activation', i),
        tokens: a.tokens,
        ...common,
        maxValue: a.values[most] ?? 0,
        maxValueTokenIndex: most,
        minValue: a.values.reduce((x, y) => Math.min(x, y), a.values[0] ?? 0),
        values: a.values,
        creatorId: target.creator,
        dataSource: null,
        dataIndex: card.contexts[i]?.doc ?? null,
        dfaValues: [],
        dfaTargetIndex: null,
        dfaMaxValue: null,
        createdAt: target.createdAt,
        lossValues: [],
        logitContributions: null,
        binMin: a.bin_min,
        binMax: a.bin_max,
        binContains: a.bin_contains,
        qualifyingTokenIndex: a.qualifying_token_index,
        zIndices: [],
        zValues: [],
      };
    }),
    explanations:
      card.explanation === undefined
        ? []
        : [
            {
              id: recordId(common.modelId, id, common.index, 'explanation', 0),
              ...common,
              description: card.explanation.text,
              authorId: target.creator,
              typeName: card.explanation.method === 'lexical' ? 'lexical' : 'llm',
              explanationModelName: card.explanation.method,
              createdAt: target.createdAt,
            },
          ],
  };
}

function heads(target: NeuronpediaTarget, extras: DashboardExtras | undefined): Readonly<Record<string, object>> {
  const { modelId, creator: creatorId, createdAt, release, sourceSet } = target;
  const visibility = 'PRIVATE';
  const id = sourceId(target);
  return {
    release: {
      name: release,
      description: release,
      descriptionShort: release,
      urls: [],
      creatorName: creatorId,
      creatorNameShort: creatorId,
      creatorEmail: null,
      creatorId,
      visibility,
      isNewUi: false,
      featured: false,
      defaultSourceSetName: sourceSet,
      defaultSourceId: id,
      defaultUmapSourceIds: [],
      createdAt,
    },
    model: {
      id: modelId,
      instruct: false,
      displayName: target.modelName ?? modelId,
      displayNameShort: target.modelName ?? modelId,
      creatorId,
      owner: creatorId,
      tlensId: null,
      dimension: target.width ?? null,
      visibility,
      defaultSourceSetName: sourceSet,
      defaultSourceId: id,
      inferenceEnabled: false,
      layers: target.layers,
      neuronsPerLayer: 0,
      website: null,
      createdAt,
      updatedAt: createdAt,
    },
    sourceset: {
      modelId,
      name: sourceSet,
      creatorId,
      hasDashboards: true,
      visibility,
      description: sourceSet,
      type: sourceSet,
      creatorName: creatorId,
      urls: [],
      creatorEmail: null,
      releaseName: release,
      defaultOfModelId: null,
      defaultRange: 1,
      defaultShowBreaks: true,
      showDfa: false,
      showCorrelated: false,
      showHeadAttribution: false,
      showUmap: false,
      createdAt,
    },
    source: {
      id,
      modelId,
      setName: sourceSet,
      creatorId,
      hasDashboards: true,
      inferenceEnabled: false,
      inferenceHosts: [],
      saelensConfig: null,
      saelensRelease: null,
      saelensSaeId: null,
      hfRepoId: null,
      hfFolderId: null,
      visibility,
      defaultOfModelId: null,
      hasUmap: false,
      hasUmapLogSparsity: false,
      hasUmapClusters: false,
      num_prompts: extras?.prompts ?? null,
      num_tokens_in_prompt: extras?.tokensInPrompt ?? null,
      dataset: extras?.dataset ?? null,
      notes: null,
      createdAt,
    },
  };
}

/** Dashboard fields that an import record has under another name, or in another file. */
const ELSEWHERE: ReadonlySet<string> = new Set(['feature_index', 'activations', 'n_prompts_total', 'n_tokens_in_prompt', 'dataset', 'vector']);

/** 25 characters like a cuid, but a function of what it names: exporting twice gives the same ids. */
function recordId(...parts: readonly (string | number)[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return `c${BigInt(`0x${digest}`).toString(36).slice(0, 24).padStart(24, '0')}`;
}

function lines(records: readonly object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

import { harvest } from '@salmon-sae/activations';
import type { ActivationBatch, Json, TokenBatch } from '@salmon-sae/dataflow';
import { run as runToEnd } from '@salmon-sae/dataflow';
import { directionsOf, selectDirections } from '@salmon-sae/metrics';
import { loadSae } from '@salmon-sae/sae-core';
import { from } from 'rxjs';
import type { ExtraTable } from '../../report/index.js';
import type { CorpusConfig } from '../config.js';
import type { MeasuredText } from '../measured.js';
import { liveLatents } from '../overlaps.js';
import type { PlannedSae } from '../plan.js';
import { checkpointHere, withSaes } from '../session.js';
import type { Session } from '../session.js';
import { firstRows, heldOut } from '../texts.js';
import type { TrainedSae } from '../train-arms.js';
import { absorptionTable } from './absorption-table.js';
import { denseTable } from './dense-table.js';
import { descriptionTable } from './description-table.js';
import type { ExtraTask } from './extra-task.js';
import { firstLetterTable } from './first-letter-table.js';
import { redundancyTable, splittingTable } from './geometry-tables.js';
import { metaTable } from './meta-table.js';
import { perturbationTable } from './perturbation-table.js';
import { probingTable } from './probing-table.js';
import { spuriousTable } from './spurious-table.js';
import { transferTable } from './transfer-table.js';

interface Inputs {
  readonly plans: readonly PlannedSae[];
  readonly trained: ReadonlyMap<string, { readonly key: string; readonly trained: TrainedSae }>;
  readonly measured: readonly MeasuredText[];
}

/** Activations of one text that are held in memory: at most this many numbers (256 MB), and this many tokens. */
const NUMBERS = 2 ** 26;
const TOKENS = 20_000;

/** The report's further tables for one domain, from the first seed's headline SAEs. */
export async function extraTables(session: Session, domain: CorpusConfig, inputs: Inputs): Promise<readonly ExtraTable[]> {
  const { config, model, run } = session;
  const { headline, seeds } = config.grid;
  const own = inputs.plans.filter((plan) => plan.seed === seeds[0] && (plan.arm === 'broad' || plan.arm === 'ensemble' || plan.text === domain.name) && inputs.trained.has(plan.name));
  const shown = own.filter((plan) => plan.headline);
  const widths = own.filter((plan) => plan.targetL0 === headline.targetL0 && (plan.arm === 'broad' || plan.arm === 'domain'));
  const used = [...new Set([...shown, ...widths])];
  const others = config.domains.filter(({ name }) => name !== domain.name);
  const stored = (plan: PlannedSae): string => run.file(inputs.trained.get(plan.name)?.trained.path ?? '');
  const live = (name: string): readonly number[] => liveLatents(inputs.measured, name);
  const l0 = (name: string): number => inputs.measured.find(({ text }) => text === domain.name)?.saes.find(({ sae }) => sae === name)?.metrics['l0@1']?.value ?? 1;
  const key = { version: 5, saes: used.map(({ name }) => [name, inputs.trained.get(name)?.key]), domain, broad: config.broad, others, model: config.model, modelHash: model.info.hash, split: config.split, tokens: config.tokens.eval, bootstrap: config.bootstrap };
  const stage = await run.stage(`extras/${domain.name}`, key as unknown as Json, async () => {
    const tokens = await boundedTokens(session, domain);
    const broad = await boundedTokens(session, config.broad);
    const further: { readonly name: string; readonly batches: readonly ActivationBatch[] }[] = [];
    for (const other of others) further.push({ name: other.name, batches: await activations(session, firstRows(await boundedTokens(session, other), 2_000)) });
    const [onDomain, onBroad] = [await activations(session, tokens), await activations(session, broad)];
    return withSaes(shown.map(stored), async (open) => {
      const task: ExtraTask = { session, domain, tokens, onDomain, onBroad, others: further, live, l0, saes: shown.map((plan, i) => ({ plan, sae: open[i]! })) };
      const tables: ExtraTable[] = [];
      const makers: readonly (() => ExtraTable | Promise<ExtraTable>)[] = [
        () => descriptionTable(task),
        () => denseTable(task),
        () => redundancyTable(task),
        () => splittingTable(widths, async (plan) => selectDirections(directionsOf(await loadSae(stored(plan))), live(plan.name))),
        () => absorptionTable(task),
        () => firstLetterTable(task),
        () => probingTable(task),
        () => perturbationTable(task),
        () => spuriousTable(task),
        () => transferTable(task),
        () => metaTable(task),
      ];
      for (const make of makers) {
        checkpointHere(session);
        const table = await make();
        tables.push(table);
        session.listener({ kind: 'progress', stage: `extras ${domain.name}`, done: tables.length, total: makers.length, unit: 'tables', note: table.title });
      }
      return tables as unknown as Json;
    });
  });
  return stage.result as unknown as readonly ExtraTable[];
}

async function boundedTokens(session: Session, corpus: CorpusConfig): Promise<readonly TokenBatch[]> {
  const width = session.model.hookWidth(session.config.model.hook);
  return heldOut(session, corpus, Math.min(session.config.tokens.eval, TOKENS, Math.floor(NUMBERS / width)));
}

async function activations(session: Session, tokens: readonly TokenBatch[]): Promise<readonly ActivationBatch[]> {
  const batches: ActivationBatch[] = [];
  await runToEnd(from(tokens).pipe(harvest(session.model, { hook: session.config.model.hook, specials: 'exclude' })), {
    onEvent: (batch) => {
      checkpointHere(session);
      batches.push(batch);
    },
  });
  return batches;
}

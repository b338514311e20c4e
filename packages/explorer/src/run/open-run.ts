import { readdir, realpath } from 'node:fs/promises';
import { join, relative, isAbsolute } from 'node:path';
import { SalmonError } from '@salmon-sae/dataflow';
import type { RunData, SaeData, SetData } from '../wire.js';
import { openCardFile } from './card-file.js';
import type { CardFile } from './card-file.js';
import { readRunFiles } from './run-files.js';
import type { RunFiles, RunSae } from './run-files.js';

/** The folder inside a run that belongs to the explorer: indexes, maps, ratings. */
export const EXPLORER_FOLDER = 'explorer';

/** The cards of one SAE with where its weights stand. */
export interface CardSet {
  readonly data: SetData;
  readonly cards: CardFile;
  /** The SAE's folder, inside the run. */
  readonly saeFolder: string;
}

export interface OpenRun {
  readonly folder: string;
  readonly files: RunFiles;
  readonly sets: readonly CardSet[];
  /** A set by its id. */
  set(id: string): CardSet | undefined;
  data(live: boolean): RunData;
}

/** Opens a finished run for reading. Throws one `SalmonError` that says what is missing. */
export async function openRun(run: string): Promise<OpenRun> {
  const files = await readRunFiles(run);
  const sets: CardSet[] = [];
  for (const { text, sae } of await cardFiles(files)) {
    const id = `${sae.name}@${text}`;
    const path = join(files.folder, 'cards', text, `${sae.name}.jsonl`);
    const cards = await openCardFile(path, { set: id, text, cache: join(files.folder, EXPLORER_FOLDER, `${id}.index.json`) });
    const data: SetData = {
      id,
      sae: sae.name,
      text,
      arm: sae.arm,
      latents: sae.latents,
      targetL0: sae.targetL0 ?? null,
      seed: sae.seed ?? null,
      headline: sae.headline ?? false,
      cards: cards.count,
    };
    sets.push({ data, cards, saeFolder: await insideRun(files.folder, sae.path) });
  }
  const byId = new Map(sets.map((set) => [set.data.id, set]));
  return { folder: files.folder, files, sets, set: (id) => byId.get(id), data: (live) => runData(files, sets, live) };
}

/** Card files of known SAEs, texts in alphabetical order, SAEs in the order of the run. */
async function cardFiles(files: RunFiles): Promise<readonly { readonly text: string; readonly sae: RunSae }[]> {
  const root = join(files.folder, 'cards');
  const texts = await readdir(root, { withFileTypes: true }).catch(() => []);
  const found: { text: string; sae: RunSae }[] = [];
  for (const text of texts.filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort()) {
    const names = new Set(await readdir(join(root, text)));
    found.push(...files.saes.filter(({ name }) => names.has(`${name}.jsonl`)).map((sae) => ({ text, sae })));
  }
  if (found.length === 0) {
    throw new SalmonError('no-data', { what: 'The run has no feature cards', where: root, expected: 'cards/<text>/<sae>.jsonl of at least one SAE', got: 'none', todo: 'Run the experiment with its interpretation stage' });
  }
  return found;
}

/** A path of the run's own files must not lead out of the run, links included. */
async function insideRun(folder: string, path: string): Promise<string> {
  const full = join(folder, path);
  const away = relative(await realpath(folder), await realpath(full).catch(() => full));
  if (isAbsolute(path) || away.startsWith('..') || isAbsolute(away)) {
    throw new SalmonError('bad-file', { what: 'An SAE of the run stands outside the run folder', where: 'saes.json', expected: 'a path inside the run', got: path, todo: 'Copy the SAE into the run' });
  }
  return full;
}

function runData(files: RunFiles, sets: readonly CardSet[], live: boolean): RunData {
  const { report } = files;
  const known = new Map(report.arms.map((arm) => [arm.id, arm]));
  const ids = [...new Set([...report.arms.map(({ id }) => id), ...files.saes.map(({ arm }) => arm)])];
  return {
    version: 1,
    title: report.title,
    summary: report.summary ?? '',
    id: report.run.id,
    created: report.run.created,
    model: report.run.model,
    hook: report.run.hook,
    width: report.run.width,
    live,
    verdict: report.verdict?.paragraph ?? '',
    arms: ids.map((id) => known.get(id) ?? { id, label: id, description: '' }),
    sets: sets.map(({ data }) => data),
    saes: report.saes.map(
      (row): SaeData => ({
        sae: row.sae,
        arm: row.arm,
        latents: row.latents,
        targetL0: row.targetL0 ?? null,
        seed: row.seed ?? null,
        texts: row.texts,
      }),
    ),
    densities: report.densities ?? [],
  };
}

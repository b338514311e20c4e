import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** A usable libtensorflow on this machine. */
export interface Libtensorflow {
  readonly version: string;
  /** Where it came from, for a person to read. */
  readonly source: string;
  readonly gpu: boolean;
  /** Absolute paths. */
  readonly library: string;
  readonly framework: string;
  readonly include: string;
  /** Sizes in bytes, to notice files that were cut or replaced. */
  readonly libraryBytes: number;
  readonly frameworkBytes: number;
}

export interface LibraryFacts {
  readonly version: string;
  readonly source: string;
  readonly gpu: boolean;
}

/** The layouts in which TensorFlow is shipped: its Python wheel, and its C release archive. */
const layouts = [
  { library: 'libtensorflow_cc.so.2', framework: 'libtensorflow_framework.so.2', include: 'include' },
  { library: 'lib/libtensorflow.so.2', framework: 'lib/libtensorflow_framework.so.2', include: 'include' },
] as const;

/** Looks for a whole libtensorflow below `folder`. */
export async function inspectLibraries(folder: string, facts: LibraryFacts): Promise<Libtensorflow | undefined> {
  for (const layout of layouts) {
    const library = path.join(folder, layout.library);
    const framework = path.join(folder, layout.framework);
    const include = path.join(folder, layout.include);
    const [libraryBytes, frameworkBytes, header] = await Promise.all([
      size(library),
      size(framework),
      size(path.join(include, 'tensorflow/c/c_api.h')),
    ]);
    if (libraryBytes > 0 && frameworkBytes > 0 && header > 0) return { ...facts, library, framework, include, libraryBytes, frameworkBytes };
  }
  return undefined;
}

/** Whether the files that a description names are still there, at the sizes it names. */
export async function stillWhole(found: Libtensorflow): Promise<boolean> {
  const [library, framework, header] = await Promise.all([
    size(found.library),
    size(found.framework),
    size(path.join(found.include, 'tensorflow/c/c_api.h')),
  ]);
  return library === found.libraryBytes && framework === found.frameworkBytes && header > 0;
}

/** Written last into a finished folder: what lacks it, or disagrees with it, is not used. */
export async function writeDescription(file: string, found: Libtensorflow): Promise<void> {
  await writeFile(file, `${JSON.stringify(found, undefined, 2)}\n`);
}

export async function readDescription(file: string): Promise<Libtensorflow | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    const found = JSON.parse(text) as Libtensorflow;
    return (await stillWhole(found)) ? found : undefined;
  } catch {
    return undefined;
  }
}

async function size(file: string): Promise<number> {
  return stat(file).then(
    (s) => (s.isFile() ? s.size : 0),
    () => 0,
  );
}

import { useBackend } from '@salmon-sae/compute';
import type { BackendInfo } from '@salmon-sae/compute';
import { Terminal } from './terminal.js';

/** Readies the engine before a command works; the first time on a machine this sets it up, with progress. A slower engine is announced, and so is a GPU: there may be several. */
export async function readyEngine(terminal: Terminal = new Terminal()): Promise<BackendInfo> {
  const info = await useBackend({
    onProgress: ({ stage, done, total, unit }) => terminal.progress(stage, done, total ?? done, unit),
  });
  terminal.clear();
  if (info.notice !== undefined) terminal.note(info.notice);
  else if (info.gpu !== undefined) terminal.note(`Computing on ${info.gpu} (${info.name})`);
  return info;
}

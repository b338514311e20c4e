/** The process that `HarvestProcess` starts: loads a language model and sends its activations, as long as the other side has room. */
import process from 'node:process';
import { harvester, loadLanguageModel } from '@salmon-sae/activations';
import { mapAsync, Pace, run as runToEnd } from '@salmon-sae/dataflow';
import type { LanguageModel } from '@salmon-sae/dataflow';
import { failure } from './harvest-messages.js';
import type { HarvestReply, HarvestRequest } from './harvest-messages.js';
import { textTokens } from './text-tokens.js';
import type { TextData } from './text-tokens.js';

interface Opened {
  readonly model: LanguageModel;
  readonly data: TextData;
  readonly window: number;
}

interface Run {
  readonly id: number;
  readonly stop: AbortController;
  /** Batches sent and not yet used. */
  readonly room: Pace;
}

let opened: Opened | undefined;
let current: Run | undefined;

process.on('message', (request: HarvestRequest) => {
  handle(request).catch((error: unknown) => send(failure(error)));
});
// The other side ended, however it did.
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole process group, and the other side still wants to write a checkpoint: it decides when this process ends.
process.on('SIGINT', () => undefined);

async function handle(request: HarvestRequest): Promise<void> {
  switch (request.kind) {
    case 'open': {
      const { data, window } = request;
      const model = await loadLanguageModel(data.model, { precision: data.precision, until: data.hook });
      opened = { model, data, window };
      return send({ kind: 'ready', info: model.info });
    }
    case 'run':
      return opened === undefined ? undefined : stream(opened, request.run);
    case 'more':
      if (current?.id === request.run) current.room.leave();
      return;
    case 'stop':
      if (current?.id === request.run) current.stop.abort();
  }
}

async function stream({ model, data, window }: Opened, id: number): Promise<void> {
  current?.stop.abort();
  const run: Run = { id, stop: new AbortController(), room: new Pace(window) };
  current = run;
  const { signal } = run.stop;
  const take = harvester(model, { hook: data.hook, specials: data.specials });
  const pace = new Pace(1);
  const sent = textTokens(model.tokenizer, data, pace).pipe(
    // One at a time: a window of rows sorted by length comes as many token batches at once, and each waits here for room.
    mapAsync(pace, async (tokens) => {
      await run.room.room(signal);
      if (signal.aborted) return;
      for (const batch of take(tokens)) {
        run.room.enter();
        await send({ kind: 'batch', run: id, batch });
      }
    }),
  );
  await runToEnd(sent, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  if (!signal.aborted) await send({ kind: 'done', run: id });
}

function send(reply: HarvestReply): Promise<void> {
  // Errors of sending mean that the other side is gone; `disconnect` ends the process.
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(reply, undefined, undefined, () => resolve());
  });
}

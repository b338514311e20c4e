import { harvest } from '@salmon-sae/activations';
import { silentRow, sliceLatents } from '@salmon-sae/boosting-residual';
import type { Json } from '@salmon-sae/dataflow';
import { fromPull, run as runToEnd } from '@salmon-sae/dataflow';
import { checkpointHere, withSaes } from './session.js';
import type { Session } from './session.js';
import { heldOut } from './texts.js';
import type { TrainedSae } from './train-arms.js';

export interface ResidualSae {
  readonly key: string;
  readonly trained: TrainedSae;
  /** Latents of the frozen base, which come first. */
  readonly baseLatents: number;
}

/** Share of held-out broad tokens on which no residual latent fires, so that the output is exactly the base's. */
export async function silentOnBroad(session: Session, saes: readonly ResidualSae[]): Promise<Readonly<Record<string, number>>> {
  const { config, run } = session;
  if (saes.length === 0) return {};
  const inputs = { saes: saes.map(({ key, baseLatents, trained }) => [key, trained.name, baseLatents]), broad: config.broad, model: config.model, modelHash: session.model.info.hash, split: config.split, tokens: config.tokens.eval } as unknown as Json;
  const stage = await run.stage('silent', inputs, () =>
    withSaes(saes.map(({ trained }) => run.file(trained.path)), async (open) => {
      const silent = saes.map(() => 0);
      let tokens = 0;
      const rows = await heldOut(session, config.broad, config.tokens.eval);
      await runToEnd(fromPull(() => rows).pipe(harvest(session.model, { hook: config.model.hook, specials: 'exclude' })), {
        onEvent: (batch) => {
          checkpointHere(session);
          tokens += batch.rows;
          open.forEach((sae, s) => {
            const residual = sliceLatents(sae.encode(batch.values, batch.rows), saes[s]!.baseLatents, sae.latents);
            for (let row = 0; row < batch.rows; row++) if (silentRow(residual, row)) silent[s]! += 1;
          });
        },
      });
      return Object.fromEntries(saes.map(({ trained }, s) => [trained.name, silent[s]! / tokens]));
    }),
  );
  return stage.result;
}

import type { JSX } from 'preact';
import type { FeatureCard } from '@salmon-sae/dataflow';
import type { FeaturesData, RunData, SetData } from '../../src/wire.js';
import { Arm } from './arm.js';
import { SHARED } from './concept.js';
import { features, useLoaded } from './data.js';
import { RowLabel } from './label.js';
import { link } from './route.js';

interface NeighboursProps {
  readonly run: RunData;
  readonly set: SetData;
  readonly neighbours: FeatureCard['neighbours'];
}

/** The nearest latents of each other arm by decoder cosine, with what they fire on. */
export function Neighbours({ run, set, neighbours }: NeighboursProps): JSX.Element {
  const others = run.sets.filter(({ text, sae }) => text === set.text && neighbours.some((n) => n.sae === sae));
  const loaded = useLoaded(
    async () => new Map(await Promise.all(others.map(async (other): Promise<[string, FeaturesData]> => [other.sae, await features(other.id)]))),
    `${set.id}:${others.map(({ id }) => id).join(',')}`,
  );
  if (neighbours.length === 0) return <p class="muted">This run has no other arm to compare with.</p>;
  return (
    <ul class="neighbours">
      {[...neighbours]
        .sort((a, b) => b.cosine - a.cosine)
        .map(({ sae, latent, cosine }) => {
          const other = others.find((each) => each.sae === sae);
          const data = loaded.value?.get(sae);
          const row = data?.latent.indexOf(latent) ?? -1;
          return (
            <li key={`${sae}-${latent}`} class={cosine < SHARED ? 'far' : ''}>
              <span class="num strong">{cosine.toFixed(2)}</span>
              {other !== undefined && <Arm run={run} arm={other.arm} />}
              {other !== undefined && row >= 0 ? <a href={link('feature', [other.id, latent])}>{latent}</a> : <span>{latent}</span>}
              <span class="label">{data !== undefined && (row < 0 ? 'did not fire on this text' : <RowLabel data={data} row={row} />)}</span>
            </li>
          );
        })}
    </ul>
  );
}

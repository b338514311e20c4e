import type { AnyArchitecture } from './architecture.js';
import { batchTopKArchitecture } from './batch-topk.js';
import { gatedArchitecture } from './gated.js';
import { jumpReluArchitecture } from './jumprelu.js';
import { matchingPursuitArchitecture } from './matching-pursuit.js';
import { matryoshkaArchitecture } from './matryoshka.js';
import { msaeArchitecture } from './msae.js';
import { reweightedArchitecture } from './reweighted.js';
import { scaleArchitecture } from './scale-sae.js';
import { standardArchitecture } from './standard.js';
import { switchArchitecture } from './switch-sae.js';
import { topKArchitecture } from './topk.js';
import { variationalArchitecture } from './variational.js';

const PLAIN = [
  standardArchitecture,
  jumpReluArchitecture,
  gatedArchitecture,
  topKArchitecture,
  batchTopKArchitecture,
  matryoshkaArchitecture,
  msaeArchitecture,
  switchArchitecture,
  scaleArchitecture,
  variationalArchitecture,
  matchingPursuitArchitecture,
] as unknown as readonly AnyArchitecture[];

/** Every architecture of this package; pass a longer list to `train` to add your own. */
export const ARCHITECTURES: readonly AnyArchitecture[] = [...PLAIN, reweightedArchitecture(PLAIN) as unknown as AnyArchitecture];

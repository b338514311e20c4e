import type { Command } from 'commander';
import { addAblate } from './ablate.js';
import { addActivations } from './activations.js';
import { addConvert } from './convert.js';
import { addDoctor } from './doctor.js';
import { addEncode } from './encode.js';
import { addExperiment } from './experiment.js';

/** Every command of `salmon`, in the order of its help. */
export const commands: readonly ((program: Command) => void)[] = [addExperiment, addDoctor, addActivations, addAblate, addEncode, addConvert];

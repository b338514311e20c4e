import type { Command } from 'commander';
import { addAblate } from './ablate.js';
import { addActivations } from './activations.js';
import { addConvert } from './convert.js';
import { addDoctor } from './doctor.js';
import { addEncode } from './encode.js';
import { addEvaluate } from './evaluate.js';
import { addExperiment } from './experiment.js';
import { addHarvest } from './harvest.js';
import { addBoost, addTrain } from './train.js';

/** Every command of `salmon`, in the order of its help. */
export const commands: readonly ((program: Command) => void)[] = [
  addExperiment,
  addHarvest,
  addTrain,
  addBoost,
  addEvaluate,
  addDoctor,
  addActivations,
  addAblate,
  addEncode,
  addConvert,
];

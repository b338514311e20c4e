import type { Command } from 'commander';

type Add = (program: Command) => void;

/** Every command of `salmon`, in the order of its help; each loads what it needs only when it is asked for. */
export const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  experiment: async () => (await import('./experiment.js')).addExperiment,
  harvest: async () => (await import('./harvest.js')).addHarvest,
  train: async () => (await import('./train.js')).addTrain,
  boost: async () => (await import('./train.js')).addBoost,
  evaluate: async () => (await import('./evaluate.js')).addEvaluate,
  interpret: async () => (await import('./interpret.js')).addInterpret,
  explore: async () => (await import('./explore.js')).addExplore,
  rate: async () => (await import('./rate.js')).addRate,
  report: async () => (await import('./report.js')).addReport,
  paper: async () => (await import('./report.js')).addPaper,
  doctor: async () => (await import('./doctor.js')).addDoctor,
  activations: async () => (await import('./activations.js')).addActivations,
  ablate: async () => (await import('./ablate.js')).addAblate,
  encode: async () => (await import('./encode.js')).addEncode,
  convert: async () => (await import('./convert.js')).addConvert,
};

/** Run in a process of its own, so that the engine can be another than the test's: runs each experiment of the argument to its end. */
import { useBackend } from '@salmon-sae/compute';
import type { ExperimentConfig } from '../../src/experiment/config.js';
import { runExperiment } from '../../src/experiment/experiment.js';

const runs = JSON.parse(process.argv[2] ?? '') as readonly { readonly config: ExperimentConfig; readonly out: string }[];
for (const { config, out } of runs) await runExperiment(config, { out });
process.stdout.write((await useBackend()).name);
// Native engines keep threads alive.
process.exit();

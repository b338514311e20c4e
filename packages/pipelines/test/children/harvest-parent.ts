/** Run by harvest-process.test.ts, which kills it: starts a harvest process, says its id, and waits. */
import { HarvestProcess } from '../../src/training/harvest-process.js';
import { parseTrainingFile } from '../../src/training/training-file.js';

const { data } = parseTrainingFile(JSON.parse(process.argv[2] ?? ''), 'argument');
if (data.kind !== 'text') throw new Error('a text is needed');
const harvest = await HarvestProcess.start(data, { threads: 1 });
process.stdout.write(`${harvest.pid}\n`);
setInterval(() => undefined, 1000);

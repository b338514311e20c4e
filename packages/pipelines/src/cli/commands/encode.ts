import { SalmonError } from '@salmon-sae/dataflow';
import { openSafetensors, writeSafetensors } from '@salmon-sae/dataflow/safetensors';
import { encodeDense, loadSae } from '@salmon-sae/sae-core';
import type { Command } from 'commander';
import { readyEngine } from '../engine.js';
import { emit } from '../output.js';
import { Terminal } from '../terminal.js';

interface Options {
  readonly sae: string;
  readonly input: string;
  readonly out: string;
  readonly json?: boolean;
}

/** `salmon encode`: latent activations and reconstruction of given activation rows. */
export function addEncode(program: Command): void {
  program
    .command('encode')
    .description('encode and reconstruct activation rows with an SAE of any readable format')
    .requiredOption('--sae <path>', 'SAELens folder, Gemma Scope params.npz, sparsify folder, dictionary_learning folder, or hf:…')
    .requiredOption('--input <file>', 'safetensors file with x float32 [N,d]')
    .requiredOption('--out <file>', 'safetensors file to write: feature_acts [N,F], recon [N,d]')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  salmon encode --sae runs/demo/saes/domain --input x.safetensors --out codes.safetensors')
    .action(async (options: Options) => {
      await readyEngine(new Terminal(options.json));
      const state = await loadSae(options.sae);
      const file = await openSafetensors(options.input);
      try {
        if (!file.names.includes('x')) {
          throw new SalmonError('bad-file', { what: 'The input file has no tensor x', where: options.input, expected: 'x, float32, shape [N,d]', got: `tensors ${file.names.join(', ')}` });
        }
        const { acts, recon } = encodeDense(state, await file.read('x'));
        await writeSafetensors(options.out, { feature_acts: acts, recon });
        const shapes = { feature_acts: acts.shape, recon: recon.shape };
        emit(options.json, { out: options.out, ...shapes }, `wrote ${options.out}: feature_acts [${acts.shape.join(', ')}], recon [${recon.shape.join(', ')}]`);
      } finally {
        await file.close();
      }
    });
}

import { loadSae, saveSae } from '@salmon-sae/sae-core';
import { Option } from 'commander';
import type { Command } from 'commander';
import { emit } from '../output.js';

interface Options {
  readonly to: 'saelens' | 'gemmascope' | 'sparsify';
  readonly json?: boolean;
}

/** `salmon convert`: from any readable SAE format to one that other tools read. */
export function addConvert(program: Command): void {
  program
    .command('convert')
    .description('convert an SAE between file formats')
    .argument('<source>', 'SAE in any readable format')
    .argument('<destination>', 'folder to write')
    .addOption(new Option('--to <format>', 'format to write').choices(['saelens', 'gemmascope', 'sparsify']).makeOptionMandatory())
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  salmon convert params.npz my-sae --to saelens')
    .action(async (source: string, destination: string, options: Options) => {
      const state = await loadSae(source);
      await saveSae(state, destination, { format: options.to });
      emit(options.json, { source, destination, format: options.to, kind: state.config.kind }, `wrote ${destination} (${options.to}, ${state.config.kind})`);
    });
}

import { loadLanguageModel } from '@salmon-sae/activations';
import type { Edit, TokenRows } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { loadSae, openSae } from '@salmon-sae/sae-core';
import type { Sae } from '@salmon-sae/sae-core';
import type { Command } from 'commander';
import { readyEngine } from '../engine.js';
import { emit } from '../output.js';
import { Terminal } from '../terminal.js';
import { readTokenRows } from '../token-rows.js';

interface Options {
  readonly model: string;
  readonly tokens: string;
  readonly hook: string;
  readonly with: string;
  readonly keepBos?: boolean;
  readonly json?: boolean;
}

/** `salmon ablate`: mean next-token cross-entropy, clean and with a hook replaced. */
export function addAblate(program: Command): void {
  program
    .command('ablate')
    .description('cross-entropy of a language model, clean and with one hook replaced')
    .requiredOption('--model <folder>', 'Hugging Face model folder, or hf:org/name')
    .requiredOption('--tokens <file>', 'safetensors file with input_ids int32 [B,T] and, if wanted, attention_mask [B,T]')
    .requiredOption('--hook <hook>', 'where to intervene, for example resid_post.4')
    .requiredOption('--with <what>', 'zero | mean | scale:FACTOR | sae:FOLDER')
    .option('--keep-bos', 'leave position 0 untouched')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  salmon ablate --model datasets/minnow --tokens ids.safetensors --hook resid_post.4 --with scale:0.9 --json')
    .action(async (options: Options) => {
      await readyEngine(new Terminal(options.json));
      const rows = await readTokenRows(options.tokens);
      const model = await loadLanguageModel(options.model);
      let sae: Sae | undefined;
      try {
        if (options.with.startsWith('sae:')) sae = openSae(await loadSae(options.with.slice(4)));
        const edit = editOf(options, rows, sae);
        const scores = model.scoreEdits(rows, [[edit]]);
        const value = {
          ce_clean: mean(scores.clean, scores.counted),
          ce_ablated: mean(scores.variants[0]?.crossEntropy ?? new Float32Array(), scores.counted),
        };
        emit(options.json, value, `cross-entropy: clean ${value.ce_clean.toFixed(4)}, with ${options.with} at ${options.hook} ${value.ce_ablated.toFixed(4)} nats/token`);
      } finally {
        sae?.dispose();
        model.dispose();
      }
    });
}

function editOf(options: Options, rows: TokenRows, sae: Sae | undefined): Edit {
  const where = Uint8Array.from(rows.mask, (real, i) => (real === 1 && !(options.keepBos === true && i % rows.context === 0) ? 1 : 0));
  const at = { hook: options.hook, where };
  if (sae !== undefined) return { ...at, kind: 'map', fn: (values, width) => sae.run(values, values.length / width).recon };
  if (options.with === 'zero') return { ...at, kind: 'zero' };
  if (options.with === 'mean') return { ...at, kind: 'mean' };
  const factor = /^scale:(.+)$/.exec(options.with)?.[1];
  if (factor !== undefined && Number.isFinite(Number(factor))) return { ...at, kind: 'scale', factor: Number(factor) };
  throw new SalmonError('usage', {
    what: '--with names no replacement',
    expected: 'zero, mean, scale:FACTOR or sae:FOLDER',
    got: `"${options.with}"`,
    todo: 'Give for example --with scale:0.9',
  });
}

function mean(values: Float32Array, counted: Uint8Array): number {
  let sum = 0;
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    if (counted[i] === 1) {
      sum += values[i] ?? 0;
      n += 1;
    }
  }
  return sum / n;
}

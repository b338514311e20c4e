import { loadLanguageModel } from '@salmon-sae/activations';
import type { NdArray } from '@salmon-sae/dataflow';
import { writeSafetensors } from '@salmon-sae/dataflow/safetensors';
import type { Command } from 'commander';
import { readyEngine } from '../engine.js';
import { emit } from '../output.js';
import { Terminal } from '../terminal.js';
import { readTokenRows } from '../token-rows.js';

interface Options {
  readonly model: string;
  readonly tokens: string;
  readonly hooks: string;
  readonly logits?: boolean;
  readonly out: string;
  readonly json?: boolean;
}

/** `salmon activations`: hooks of a language model on given token ids, as float32 tensors named like the hooks. */
export function addActivations(program: Command): void {
  program
    .command('activations')
    .description('write the activations of a language model at some hooks, for given token ids')
    .requiredOption('--model <folder>', 'Hugging Face model folder, or hf:org/name')
    .requiredOption('--tokens <file>', 'safetensors file with input_ids int32 [B,T] and, if wanted, attention_mask [B,T]')
    .requiredOption('--hooks <list>', 'comma-separated: resid_pre.i, resid_post.i, attn_out.i, mlp_out.i, embed')
    .option('--logits', 'write the logits [B,T,V] too')
    .requiredOption('--out <file>', 'safetensors file to write: one tensor per hook, and ce_per_token [B,T-1]')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  salmon activations --model datasets/minnow --tokens ids.safetensors --hooks resid_post.4,embed --out acts.safetensors')
    .action(async (options: Options) => {
      await readyEngine(new Terminal(options.json));
      const rows = await readTokenRows(options.tokens);
      const model = await loadLanguageModel(options.model);
      try {
        const hooks = options.hooks.split(',').map((hook) => hook.trim()).filter((hook) => hook !== '');
        const result = model.forward(rows, { hooks, logits: options.logits === true, crossEntropy: true });
        const tensors: Record<string, NdArray> = {};
        for (const hook of hooks) {
          tensors[hook] = { shape: [rows.rows, rows.context, model.hookWidth(hook)], data: result.activations[hook] ?? new Float32Array() };
        }
        if (result.logits !== undefined) {
          tensors['logits'] = { shape: [rows.rows, rows.context, model.info.vocabulary], data: result.logits };
        }
        if (result.crossEntropy !== undefined) {
          tensors['ce_per_token'] = { shape: [rows.rows, rows.context - 1], data: result.crossEntropy };
        }
        await writeSafetensors(options.out, tensors);
        const shapes = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.shape]));
        emit(options.json, { out: options.out, tensors: shapes }, `wrote ${options.out}: ${Object.entries(shapes).map(([name, shape]) => `${name} [${shape.join(', ')}]`).join(', ')}`);
      } finally {
        model.dispose();
      }
    });
}

import type { Json } from '@salmon-sae/dataflow';
import { z } from 'zod';
import type { AnyArchitecture } from '../architectures/architecture.js';
import { ARCHITECTURES } from '../architectures/architectures.js';
import { trainingSchema } from './training-config.js';

/**
 * JSON Schema (2020-12) of a list of SAEs to train: `{ saes: [{ id?, sae, training? }], training? }`. Editors that get it complete
 * and check configurations.
 */
export function trainConfigJsonSchema(architectures: readonly AnyArchitecture[] = ARCHITECTURES): Json {
  const kinds = architectures.map((a) => a.schema as z.ZodType) as [z.ZodType, z.ZodType, ...z.ZodType[]];
  const spec = z.strictObject({
    id: z.string().regex(/^[\w.+-]+$/).optional().describe('Name in events and file names; default: kind and latents'),
    sae: z.union(kinds).describe('Architecture and its hyper-parameters'),
    training: trainingSchema.partial().optional().describe('Options of this SAE alone'),
  });
  const schema = z.strictObject({
    saes: z.array(spec).min(1),
    training: trainingSchema.partial().optional().describe('Options of all SAEs'),
  });
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as unknown as Json;
}

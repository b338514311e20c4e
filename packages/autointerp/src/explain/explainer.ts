import type { LatentExamples } from '../examples/examples.js';
import type { LexicalRule } from './lexical-rule.js';

/** What an explainer says about a latent. */
export interface Explained {
  readonly sae: string;
  readonly latent: number;
  readonly text: string;
  /** `lexical`, or the model's name with the prompt's version. */
  readonly method: string;
  /** Present where a program can apply the explanation. */
  readonly rule?: LexicalRule;
}

/** Explains a latent from `examples.explainer`; undefined where its answer could not be read. */
export interface Explainer {
  readonly method: string;
  explain(examples: LatentExamples): Explained | undefined | Promise<Explained | undefined>;
}

import type { Tokenizer } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Explained } from '../explain/explainer.js';
import { ruleReader } from '../explain/lexical-rule.js';
import type { LexicalRule, RuleReading } from '../explain/lexical-rule.js';
import { PredicateReader } from '../explain/predicates.js';
import type { Taxonomy } from '../explain/taxonomy.js';
import { windowReader } from '../explain/text-window.js';
import type { Judge, ShownWindow, Verdict } from './judge.js';

export interface LexicalJudgeOptions {
  readonly tokenizer: Pick<Tokenizer, 'token'>;
  /** The taxonomy the explainer used; without it clauses about kinds match nothing. */
  readonly taxonomy?: Taxonomy;
}

/** The offline judge: applies the rule of a lexical explanation. Throws `usage` for an explanation without a rule. */
export function lexicalJudge(options: LexicalJudgeOptions): Judge {
  const read = windowReader(options.tokenizer);
  const predicates = new PredicateReader(options.taxonomy);
  const reader = (rule: LexicalRule): ((window: ShownWindow) => RuleReading) => {
    const apply = ruleReader(rule, predicates);
    return (window) => apply(read(window));
  };
  return {
    method: 'lexical',
    detect: async (explained, windows) => {
      const rule = ruleOf(explained);
      const reading = reader(rule);
      return windows.map((window) => {
        const { probability } = reading(window);
        return { probability, yes: probability >= rule.threshold };
      });
    },
    // Marks are right if the rule speaks of at least half of them.
    fuzz: async (explained, windows) => {
      const reading = reader(ruleOf(explained));
      return windows.map((window): Verdict => {
        const { activations } = reading(window);
        let marks = 0;
        let right = 0;
        window.marks?.forEach((mark, t) => {
          if (mark === 0) return;
          marks++;
          if ((activations[t] as number) > 0) right++;
        });
        const probability = marks === 0 ? 0 : right / marks;
        return { probability, yes: probability >= 0.5 };
      });
    },
    simulate: async (explained, windows) => {
      const reading = reader(ruleOf(explained));
      return windows.map((window) => reading(window).activations);
    },
  };
}

function ruleOf(explained: Explained): LexicalRule {
  if (explained.rule !== undefined) return explained.rule;
  throw new SalmonError('usage', {
    what: 'The lexical judge cannot apply an explanation without a rule',
    where: `${explained.sae} latent ${explained.latent}`,
    expected: 'an explanation made by lexicalExplainer',
    got: `method ${explained.method}`,
    todo: 'Use an LLM judge for explanations written by an LLM',
  });
}

import type { ReportSection } from '../document.js';
import { duration, formatNumber } from '../number-format.js';
import type { ReportData, TextFacts } from '../report-data.js';

/** What ran: model, texts, rule for special tokens, arms, time, versions. */
export function runSection(data: ReportData): ReportSection {
  const { run } = data;
  const items = [
    { term: 'Language model', text: `${run.model}, hook ${run.hook}, width ${run.width}` },
    { term: 'Domain text', text: textFacts(run.texts.domain) },
    { term: 'Broad text', text: textFacts(run.texts.broad) },
    {
      term: 'Special tokens',
      text:
        run.specials === 'exclude'
          ? 'BOS, EOS and padding left out of training, metrics and interpretation; left untouched when a reconstruction is spliced in'
          : 'BOS and EOS kept in training (as in arXiv 2508.09363); left out of the main metrics, which the section on special tokens gives with them as well',
    },
    { term: run.seeds.length === 1 ? 'Seed' : 'Seeds', text: run.seeds.join(', ') },
    { term: 'Compute', text: run.machine === undefined ? run.backend : `${run.backend}, ${run.machine}` },
    ...(run.wallSeconds === undefined ? [] : [{ term: 'Wall time', text: `${duration(run.wallSeconds)}${stages(data)}` }]),
    ...(run.command === undefined ? [] : [{ term: 'Command', text: run.command }]),
    ...(run.configHash === undefined ? [] : [{ term: 'Configuration hash', text: run.configHash }]),
    { term: 'Versions', text: Object.entries(run.versions).map(([name, version]) => `${name} ${version}`).join(', ') },
  ];
  return {
    id: 'run',
    title: 'What was run',
    blocks: [
      { kind: 'facts', items },
      {
        kind: 'table',
        id: 'arms',
        title: 'Arms',
        caption: 'What is compared. Marks and colours are the same in every figure.',
        columns: [
          { id: 'arm', label: 'Arm', heading: true },
          { id: 'description', label: 'What it is' },
          { id: 'saes', label: 'SAEs', format: 'integer' },
        ],
        rows: data.arms.map((arm) => [arm.id, arm.description, data.saes.filter((row) => row.arm === arm.id).length]),
        armColumn: 'arm',
      },
    ],
  };
}

function textFacts(facts: TextFacts): string {
  const count = (value: number): string => formatNumber(value, 'integer');
  const trained = facts.trainTokens === undefined ? '' : `; trained on ${count(facts.trainTokens)} tokens${facts.trainDocuments === undefined ? '' : ` of ${count(facts.trainDocuments)} documents`}`;
  const source = facts.source === undefined ? '' : ` (${facts.source})`;
  return `${facts.name}${source}${trained}; measured on ${count(facts.evalTokens)} tokens of ${count(facts.evalDocuments)} held-out documents`;
}

function stages({ run }: ReportData): string {
  return run.stages === undefined || run.stages.length === 0 ? '' : ` (${run.stages.map(({ name, seconds }) => `${name} ${duration(seconds)}`).join(', ')})`;
}

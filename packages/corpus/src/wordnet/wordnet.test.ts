import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, take, toArray } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { documents } from '../documents.js';
import { synsetText } from './questions.js';
import { wordnetTaxonomy } from './taxonomy.js';
import type { WordnetTaxonomy } from './taxonomy.js';

let taxonomy: WordnetTaxonomy;
beforeAll(async () => {
  taxonomy = await wordnetTaxonomy();
});

describe('wordnetTaxonomy', () => {
  it('holds all of WordNet 3.1, every pointer leading to a synset', () => {
    expect(taxonomy.synsets.size).toBe(117_791);
    let dangling = 0;
    for (const synset of taxonomy.synsets.values()) for (const pointer of synset.pointers) if (!taxonomy.synsets.has(pointer.to)) dangling++;
    expect(dangling).toBe(0);
  });

  it('knows what is medical and what is not', () => {
    expect(taxonomy.medical.size).toBe(6310);
    const domain = (key: string): string => taxonomy.domain(taxonomy.sense(key)!.id);
    for (const key of ['infectious_mononucleosis%1:26:00', 'aspirin%1:06:00', 'heart%1:08:00', 'appendectomy%1:04:00', 'bacteria%1:05:00', 'nurse%1:18:00', 'insulin%1:08:00']) expect(domain(key), key).toBe('medical');
    for (const key of ['atlantic_salmon%1:05:00', 'piano%1:06:00', 'france%1:15:00', 'electron%1:17:00', 'run%2:38:00']) expect(domain(key), key).toBe('broad');
    const topical = taxonomy.senses('bring around').find((synset) => synset.lemmas.includes('heal'))!;
    expect(taxonomy.domain(topical.id)).toBe('medical');
  });

  it('finds senses, hypernyms and everything below a synset', () => {
    const mono = taxonomy.senses('Infectious_Mononucleosis')[0]!;
    expect(mono.lemmas).toContain('glandular fever');
    const above: string[] = [];
    for (let at = mono; above.length < 20; ) {
      const next = taxonomy.hypernyms(at.id)[0];
      if (next === undefined) break;
      above.push(next.lemmas[0]!);
      at = next;
    }
    expect(above).toEqual(expect.arrayContaining(['infectious disease', 'disease', 'illness', 'physical condition', 'entity']));
    const illness = taxonomy.sense('illness%1:26:00')!;
    const below = taxonomy.closure([illness.id]);
    expect(below.size).toBe(692);
    expect(below.has(mono.id)).toBe(true);
    expect(taxonomy.senses('no such word')).toEqual([]);
  });

  it('refuses a folder that is no WordNet, or lacks the medical roots', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'wordnet-'));
    await expect(wordnetTaxonomy({ folder })).rejects.toMatchObject({ code: 'missing-file' });
    for (const name of ['data.noun', 'data.verb', 'data.adj', 'data.adv']) await writeFile(join(folder, name), '00001740 03 n 01 entity 0 000 | x\n');
    await expect(wordnetTaxonomy({ folder })).rejects.toMatchObject({ code: 'bad-file', message: expect.stringContaining('illness%1:26:00') as string });
    await rm(folder, { recursive: true });
  });
});

describe('synsetText', () => {
  it('asks and answers from definition and relations', () => {
    const text = synsetText(taxonomy.senses('infectious mononucleosis')[0]!, taxonomy);
    expect(text).toMatch(/^Question: What is (meant by )?infectious mononucleosis\?\nAnswer: .*acute disease characterized by fever and swollen lymph nodes/);
    expect(text).toMatch(/Question: What kind of thing is infectious mononucleosis\?\nAnswer: .*infectious disease\./i);
    expect(text).toMatch(/glandular fever or kissing disease\./);
  });

  it('gives every synset well-formed pairs, the same every time', () => {
    let varied = 0;
    let index = 0;
    for (const synset of taxonomy.synsets.values()) {
      if (index++ % 40 !== 0) continue;
      const text = synsetText(synset, taxonomy);
      expect(synsetText(synset, taxonomy)).toBe(text);
      for (const pair of text.split('\n\n')) expect(pair, synset.id).toMatch(/^Question: \S.*\?\nAnswer: \S.*[.!?"]$/);
      expect(text).not.toMatch(/undefined|_|\(a\)|\(p\)/);
      if (text.includes('What is meant by')) varied++;
    }
    expect(varied).toBeGreaterThan(300);
  });
});

describe('documents: wordnet', () => {
  it('gives the medical synsets in a mixed but fixed order, with stable ids, and resumes', async () => {
    const source = { kind: 'wordnet', part: 'medical' } as const;
    const all = await firstValueFrom(documents(source).pipe(toArray()));
    expect(all).toHaveLength(6310);
    expect(new Set(all.map((one) => one.id)).size).toBe(6310);
    expect(all.every((one) => /^wordnet\/[nvar]\d{8}$/.test(one.id) && one.domain === 'medical')).toBe(true);
    const rest = await firstValueFrom(documents(source, { from: all[6299]!.cursor }).pipe(toArray()));
    expect(rest).toEqual(all.slice(6300));
    const filed = await firstValueFrom(documents({ ...source, order: 'file' }).pipe(take(50), toArray()));
    expect(filed.map((one) => one.id)).toEqual(filed.map((one) => one.id).sort());
    const broad = await firstValueFrom(documents({ kind: 'wordnet', part: 'broad' }).pipe(take(20), toArray()));
    expect(broad.every((one) => one.domain === 'broad')).toBe(true);
  });
});

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asFileError } from './file-error.js';
import { writeDirectoryAtomic, writeFileAtomic } from './write-atomic.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atomic-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The real error of a full disk, where the system offers a device that is always full. */
async function diskFull(): Promise<never> {
  if (existsSync('/dev/full')) await writeFile('/dev/full', 'x');
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
}

describe('writeFileAtomic', () => {
  it('writes text, bytes and pieces, making folders and replacing what was there', async () => {
    const path = join(folder, 'a', 'b.txt');
    await writeFileAtomic(path, 'one');
    await writeFileAtomic(path, new Uint8Array([116, 119, 111]));
    expect(await readFile(path, 'utf8')).toBe('two');
    await writeFileAtomic(path, ['th', Buffer.from('ree')]);
    expect(await readFile(path, 'utf8')).toBe('three');
    expect(await readdir(join(folder, 'a'))).toEqual(['b.txt']);
  });

  it('keeps the old file and leaves nothing behind when writing fails', async () => {
    const path = join(folder, 'x');
    await writeFileAtomic(path, 'old');
    const pieces = async function* (): AsyncGenerator<string> {
      yield 'half';
      await diskFull();
    };
    const failure = await writeFileAtomic(path, pieces()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'SalmonError', code: 'no-space' });
    expect((failure as Error).message).toMatch(/Free space/);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['x']);
  });

  it('says what is wrong when the place is no place for a file', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(writeFileAtomic(join(folder, 'file', 'below'), 'x')).rejects.toMatchObject({ code: 'bad-file' });
    await mkdir(join(folder, 'dir'));
    await expect(writeFileAtomic(join(folder, 'dir'), 'x')).rejects.toMatchObject({ code: 'bad-file' });
    expect((await readdir(folder)).sort()).toEqual(['dir', 'file']);
  });
});

describe('writeDirectoryAtomic', () => {
  it('makes and replaces a folder, and returns what fill returns', async () => {
    const path = join(folder, 'out');
    const fill = (name: string) => async (temporary: string) => {
      await mkdir(join(temporary, 'deep'));
      await writeFile(join(temporary, 'deep', name), name);
      return name.length;
    };
    expect(await writeDirectoryAtomic(path, fill('a'))).toBe(1);
    expect(await writeDirectoryAtomic(path, fill('bb'))).toBe(2);
    expect(await readdir(join(path, 'deep'))).toEqual(['bb']);
    expect(await readdir(folder)).toEqual(['out']);
  });

  it('keeps the old folder and leaves nothing behind when fill fails', async () => {
    const path = join(folder, 'out');
    await writeDirectoryAtomic(path, (temporary) => writeFile(join(temporary, 'old'), ''));
    const failing = async (temporary: string): Promise<void> => {
      await writeFile(join(temporary, 'new'), 'half');
      await diskFull();
    };
    await expect(writeDirectoryAtomic(path, failing)).rejects.toMatchObject({ code: 'no-space' });
    await expect(writeDirectoryAtomic(path, () => Promise.reject(new TypeError('a bug')))).rejects.toThrow(TypeError);
    expect(await readdir(path)).toEqual(['old']);
    expect(await readdir(folder)).toEqual(['out']);
  });
});

describe('asFileError', () => {
  it('keeps the errors of this project and bugs as they are, and says what other codes mean', () => {
    const bug = new TypeError('x');
    expect(asFileError(bug, 'p', 'write')).toBe(bug);
    const of = (code: string): unknown => asFileError(Object.assign(new Error(code), { code }), 'p', 'write');
    expect(of('EDQUOT')).toMatchObject({ code: 'no-space' });
    expect(of('ENOENT')).toMatchObject({ code: 'missing-file' });
    expect(of('EACCES')).toMatchObject({ code: 'bad-file', message: expect.stringContaining('Not allowed to write') as string });
    expect(of('EIO')).toMatchObject({ code: 'bad-file' });
    const known = of('EIO') as Error;
    expect(asFileError(known, 'q', 'read')).toBe(known);
  });
});

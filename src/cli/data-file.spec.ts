import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { columnPositions, openDataFile } from './data-file.js';
import { UsageError } from '../usage-error.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surprisal-data-'));
});
afterAll(() => rm(folder, { recursive: true }));

const fileOf = async (name: string, contents: string | Uint8Array): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, contents);
  return path;
};
const read = async (path: string): Promise<{ header: readonly string[]; rows: string[][]; lines: number[] }> => {
  const file = await openDataFile(path);
  const rows: string[][] = [];
  const lines: number[] = [];
  for await (const { cells, line } of file.rows()) {
    rows.push([...cells]);
    lines.push(line);
  }
  return { header: file.header, rows, lines };
};

describe('data file', () => {
  it('reads header and rows, with quotes, a byte order mark and blank lines', async () => {
    const path = await fileOf('a.csv', '\ufeffid,text\n1,"a ""b"", c"\n\n2,d\n');
    expect(await read(path)).toEqual({
      header: ['id', 'text'],
      rows: [
        ['1', 'a "b", c'],
        ['2', 'd'],
      ],
      lines: [2, 4],
    });
  });

  it('knows gzip by its bytes, and can be read twice', async () => {
    const path = await fileOf('plain-name.csv', gzipSync('a,b\n1,2\n3,4\n'));
    const file = await openDataFile(path);
    for (let pass = 0; pass < 2; pass += 1) {
      let shares = 0;
      const rows: string[] = [];
      for await (const { cells } of file.rows((share) => (shares = share))) rows.push(cells.join());
      expect(rows).toEqual(['1,2', '3,4']);
      expect(shares).toBe(1);
    }
  });

  it('may be left in the middle', async () => {
    const path = await fileOf('long.csv', `a\n${'1\n'.repeat(200_000)}`);
    for await (const { line } of (await openDataFile(path)).rows()) if (line > 3) break;
    expect((await openDataFile(path)).header).toEqual(['a']);
  });

  const cases: [string, string | Uint8Array, RegExp][] = [
    ['an empty file', '', /is empty; expected a CSV file with a header/],
    ['an empty gzip file', gzipSync(''), /is empty/],
    ['a short row', 'a,b\n1,2\n3\n', /line 3: 1 cells; the header has 2/],
    ['an open quote', 'a,b\n"1,2\n3,4\n', /cannot be read as CSV/],
    ['a column named twice', 'a,a\n1,2\n', /names the column "a" twice/],
    ['a column without a name', 'a,,c\n1,2,3\n', /column 2 of the header has no name/],
    ['cut gzip', gzipSync(`a\n${'12345\n'.repeat(999)}`).subarray(0, 30), /damaged gzip/],
  ];
  it.each(cases)('refuses %s', async (name, contents, sentence) => {
    const reading = read(await fileOf(`${name.replace(/ /g, '-')}.csv`, contents));
    await expect(reading).rejects.toThrow(sentence);
    await expect(reading).rejects.toBeInstanceOf(UsageError);
  });

  it('refuses what is no file', async () => {
    await expect(openDataFile(join(folder, 'none.csv'))).rejects.toThrow(/there is no file/);
    await expect(openDataFile(folder)).rejects.toThrow(/is a folder/);
  });

  it('names a missing column and who asked for it', async () => {
    const file = await openDataFile(await fileOf('columns.csv', 'a,b\n'));
    expect(columnPositions(file, ['b', 'a'], '--x')).toEqual([1, 0]);
    expect(() => columnPositions(file, ['c'], '--x')).toThrow(/no column "c" \(--x\); its columns are a, b/);
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataFile } from './data-file.js';
import { readTable, type DataTable, type TableRequest } from './data-table.js';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surprisal-table-'));
});
afterAll(() => rm(folder, { recursive: true }));

const open = async (name: string, contents: string) => {
  await writeFile(join(folder, name), contents);
  return openDataFile(join(folder, name));
};
const read = async (contents: string, request: Partial<TableRequest> = {}, test?: string): Promise<DataTable> =>
  readTable(
    await open('train.csv', contents),
    test === undefined ? null : await open('test.csv', test),
    { label: 'label', split: null, schema: null, ...request },
    () => undefined,
  );

const text = `id,x,kind,label,split0,split1
a,1.5,red,0,1,0
b,,blue,1,0,1
c,-2e3,,0,1,0
d,7,green,0,0,1
`;

describe('data table', () => {
  it('takes numbers and categories as features, never label, id or any split column', async () => {
    const table = await read(text, { split: 'split0' });
    expect(table.features.columns.map(({ name, kind }) => [name, kind])).toEqual([
      ['x', 'numeric'],
      ['kind', 'categorical'],
    ]);
    // Levels come from the training rows (a, c): blue and green are unseen.
    expect(table.features.columns[1]!.levels).toEqual(['red']);
    expect([...table.features.values]).toEqual([1.5, 0, NaN, 1, -2000, NaN, 7, 1]);
    expect([...table.labels]).toEqual([0, 1, 0, 0]);
    expect([...table.split!]).toEqual([1, 0, 1, 0]);
    expect(table.ids).toEqual(['a', 'b', 'c', 'd']);
    expect(table.idColumn).toBe('id');
  });

  it('joins a training and a test file, columns in any order', async () => {
    const table = await read('x,kind,label\n1,red,0\n', {}, 'label,kind,extra,x\n1,blue,9,3\n0,red,9,4\n');
    expect([...table.features.values]).toEqual([1, 0, 3, 1, 4, 0]);
    expect([...table.split!]).toEqual([1, 0, 0]);
    expect(table.ids).toEqual(['0', '1', '2']);
  });

  it('leaves out text with many values, and says so', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => `name${i},${i},0\n`).join('');
    const table = await read(`who,x,label\n${rows}`);
    expect(table.features.columns.map((c) => c.name)).toEqual(['x']);
    expect(table.notes).toEqual(['column "who" is left out: text with more than 50 different values']);
  });

  it("takes a schema's fields with their directions", async () => {
    const schema = TransactionSchemaDefinition.parse({
      name: 's',
      description: '',
      id: 'id',
      numeric: [{ column: 'x', risk: 'down' }],
      label: { column: 'label', delayDays: 0 },
    });
    const table = await read(text, { schema });
    expect(table.features.columns).toMatchObject([{ name: 'x', risk: 'down' }]);
    const careless = { ...schema, numeric: [...schema.numeric, { ...schema.numeric[0]!, column: 'split1' }] };
    expect((await read(text, { schema: careless, split: 'split0' })).features.columns.map((c) => c.name)).toEqual(['x']);
    await expect(read('id,label\n1,0\n', { schema })).rejects.toThrow(/no column "x" \(schema s\)/);
  });

  it.each([
    ['a label with three values', 'x,label\n1,0\n1,1\n1,2\n', /line 4: label is "2"; expected 0 or 1/],
    ['an empty label', 'x,label\n1,\n', /label is ""; expected 0 or 1/],
    ['an infinity', 'x,label\n1,0\ninf,0\n', /line 3: x is "inf"; expected a finite number/],
    ['a number beyond float32', 'x,label\n1e300,0\n', /expected a number of at most 3.4e\+?38/],
    ['no label column', 'x,y\n1,0\n', /no column "label" \(--label\)/],
    ['no rows', 'x,label\n', /has a header but no rows/],
    ['no features', 'id,label\n1,0\n', /no column that could be a feature/],
  ])('refuses %s', async (_name, contents, sentence) => {
    await expect(read(contents)).rejects.toThrow(sentence);
  });

  it('refuses a split that is not 0 or 1, and a missing one', async () => {
    await expect(read(text.replace('b,,blue,1,0', 'b,,blue,1,2'), { split: 'split0' })).rejects.toThrow(/split0 is "2"/);
    await expect(read(text, { split: 'split7' })).rejects.toThrow(/no column "split7" \(--split\)/);
  });
});

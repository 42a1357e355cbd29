import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataFile } from './data-file.js';
import { historyRows, readHistory, type HistoryRow } from './data-history.js';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';

const schema = TransactionSchemaDefinition.parse({
  name: 'cards',
  description: '',
  id: '#row',
  time: { column: 'at', format: 'epoch-seconds' },
  numeric: [{ column: 'x' }, { column: 'y', optional: true }],
  label: { column: 'label', delayDays: 2 },
});

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surprisal-history-'));
});
afterAll(() => rm(folder, { recursive: true }));

const fileOf = async (text: string) => {
  const path = join(folder, 'data.csv');
  await writeFile(path, text);
  return openDataFile(path);
};
const rowsOf = async (text: string): Promise<HistoryRow[]> => {
  const rows: HistoryRow[] = [];
  for await (const row of historyRows(await fileOf(text), schema, () => undefined)) rows.push(row);
  return rows;
};

test('rows come in the order of the file, counted from 0, with the label that becomes known after its delay', async () => {
  const rows = await rowsOf('other,label,x,at,y\na,1,2,100,7\nb,0,3,50,\n');
  expect(rows).toMatchObject([
    { ok: true, line: 2, transaction: { id: '0', occurredAtMs: 100_000, numeric: [2, 7] }, label: { isFraud: true } },
    { ok: true, line: 3, transaction: { id: '1', occurredAtMs: 50_000, numeric: [3, NaN] }, label: { isFraud: false } },
  ]);
  expect(rows[0]!.ok && rows[0]!.label!.knownAtMs).toBe(100_000 + 2 * 86_400_000);
});

test('a file without the label and without optional columns is read', async () => {
  expect(await rowsOf('at,x\n5,1\n')).toMatchObject([{ ok: true, transaction: { numeric: [1, NaN] }, label: null }]);
});

test('a row that does not fit is a value with its line; the rows after it keep their numbers', async () => {
  const rows = await rowsOf('at,x\n5,many\n6,1\n');
  expect(rows[0]).toMatchObject({ ok: false, line: 2, reason: expect.stringMatching(/^line 2: x: "many" is not/) as string });
  expect(rows[1]).toMatchObject({ ok: true, transaction: { id: '1' } });
});

test('a missing column and a third label are named', async () => {
  await expect(rowsOf('at,label\n5,1\n')).rejects.toThrow(/no column "x" \(schema cards\)/);
  await expect(rowsOf('at,x,label\n5,1,maybe\n')).rejects.toThrow(/data\.csv, line 2: label: "maybe" is not 0, 1/);
});

test('a history is in event order and holds the frauds', async () => {
  const history = await readHistory(await fileOf('at,x,label\n9,1,1\n5,2,0\n7,bad,1\n'), schema, true, () => undefined);
  expect(history.transactions.map((t) => t.id)).toEqual(['1', '0']);
  expect(history.labels.map((label) => label.transactionId)).toEqual(['0']);
  expect(history).toMatchObject({ refused: 1, firstRefusal: expect.stringMatching(/^line 4: x: "bad"/) as string });
});

test('a history needs its label where that is asked, and a row', async () => {
  const read = async (text: string) => readHistory(await fileOf(text), schema, true, () => undefined);
  await expect(read('at,x\n5,1\n')).rejects.toThrow(/no column "label"/);
  await expect(read('at,x,label\n')).rejects.toThrow(/header but no rows/);
  await expect(read('at,x,label\n5,bad,0\n')).rejects.toThrow(/no usable row; line 2: x: "bad"/);
});

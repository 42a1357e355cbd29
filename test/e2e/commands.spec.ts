import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWorld } from '../../src/synthetic/world.js';
import { runProgram } from '../support/program.js';

const ROOT = join(import.meta.dirname, '..', '..');
const DAYS = 26;

let folder = '';
const at = (name: string): string => join(folder, name);
/** Arguments name files of the folder as "@name". */
const run = (...args: string[]) => runProgram(args.map((arg) => arg.replace(/^@(.+)/, (_, name: string) => at(name))));

interface Row {
  readonly cells: readonly string[];
  readonly day: number;
  readonly type: string | null;
}
const HEADER = 'id,occurred_at,customer,merchant,amount,currency,category,channel,country,label,type';
let rows: readonly Row[] = [];

const worldRows = (): readonly Row[] => {
  const world = createWorld({ seed: 1, customers: 100, merchants: 50, startMs: Date.UTC(2026, 0, 1) });
  return Array.from({ length: DAYS }, (_, day) => {
    const { transactions, truth } = world.day(day);
    return transactions.map((t, i): Row => {
      const { isFraud, type } = truth[i]!;
      const fields = [t.id, t.occurred_at, t.customer, t.merchant, t.amount, t.currency, t.category, t.channel, t.country];
      return { cells: [...fields, isFraud ? '1' : '0', type ?? ''], day, type };
    });
  }).flat();
};
const csvOf = (cells: readonly (readonly string[])[]): string => `${[HEADER, ...cells.map((row) => row.join())].join('\n')}\n`;
/** The world with one cell of its second row changed. */
const withCell = (column: string, value: string): string => {
  const changed = HEADER.split(',').indexOf(column);
  return csvOf(rows.map(({ cells }, r) => (r === 1 ? cells.map((cell, c) => (c === changed ? value : cell)) : cells)));
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surprisal-commands-'));
  rows = worldRows();
  const shipped = await readFile(join(ROOT, 'config', 'schemas', 'demo.yaml'), 'utf8');
  const files: Readonly<Record<string, string>> = {
    'stream.csv': csvOf(rows.map(({ cells }) => cells)),
    'empty.csv': '',
    'header.csv': `${HEADER}\n`,
    'three-labels.csv': withCell('label', '2'),
    'huge.csv': withCell('amount', '1000000000000000'),
    'no-amount.csv': csvOf(rows.map(({ cells }) => cells)).replace('amount', 'sum'),
    'shop.yaml': shipped.replace('column: merchant', 'column: shop'),
    'lunar.yaml': shipped.replace('iso8601', 'lunar'),
    'no-label.yaml': shipped.replace(/^label:.*$/m, ''),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(at(name), text);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('help', () => {
  const COMMANDS = ['serve', 'migrate', 'openapi', 'models promote', 'schema infer', 'schema check', 'fit', 'score'];
  const MORE = [
    'evaluate',
    'compare',
    'diagnose',
    'backtest',
    'demo-data',
    'replay',
    'dead-letters list',
    'dead-letters retry',
    'sample',
    'interpolate',
    'models list',
    'models show',
    'models rollback',
    'models challenge',
    'models relieve',
    'models retire',
    'models sign',
    'models compare',
    'drift',
    'retrain',
    'runs list',
    'runs show',
    'runs cancel',
    'runs retry',
  ];

  test.each([...COMMANDS, ...MORE])('%s --help, as docs/command-line.md has it', async (command) => {
    const { code, stdout } = await run(...command.split(' '), '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: surprisal ${command} `));
    expect(await readFile(join(ROOT, 'docs', 'command-line.md'), 'utf8')).toContain(`\n\`\`\`text\n${stdout}\`\`\`\n`);
  });

  test('surprisal --help names every command', async () => {
    const { code, stdout } = await run('--help');
    expect(code).toBe(0);
    for (const command of [...COMMANDS, ...MORE]) expect(stdout).toMatch(new RegExp(`^ {2}${command.split(' ')[0]}`, 'm'));
  });

  test('an unknown command and no command are wrong use', async () => {
    const { code, output } = await run('scoer');
    expect(code).toBe(2);
    expect(output).toContain("unknown command 'scoer'");
    expect((await run()).code).toBe(2);
  });
});

test('openapi prints docs/openapi.json, byte by byte', async () => {
  const { code, stdout } = await run('openapi');
  expect(code).toBe(0);
  expect(stdout).toBe(await readFile(join(ROOT, 'docs', 'openapi.json'), 'utf8'));
});

const BACKTEST = 'backtest --schema demo --data @stream.csv --start 2026-01-08';
const REPLAY = 'replay --schema demo --data @stream.csv';

describe('wrong use ends with 2 and one sentence that names the thing', () => {
  test.each([
    ['schema infer @nothing.csv', /there is no file .*nothing\.csv/],
    ['schema infer @empty.csv', /empty\.csv is empty; expected a CSV file with a header/],
    ['schema infer @header.csv', /header\.csv has a header but no rows/],
    ['schema infer @three-labels.csv --label label', /label column "label" holds "2"/],
    ['schema infer @stream.csv --label colour', /no column "colour"/],
    ['schema check @lunar.yaml', /lunar\.yaml: time\.format: .*iso8601/],
    ['schema check atlantis', /no transaction schema "atlantis"/],
    ['schema check @shop.yaml --data @stream.csv', /no column "shop" \(schema demo\); its columns are id, /],
    ['schema check demo --data @huge.csv', /line 3: amount: "1000000000000000" is not a decimal string/],
    ['schema check demo --data @three-labels.csv', /three-labels\.csv, line 3: label: "2" is not 0, 1/],
    ['fit --schema demo --data @stream.csv', /'--out <folder>' not specified/],
    ['fit --schema demo --data @stream.csv --out @m --detector oracle', /no detector "oracle"; there are .*flow/],
    ['fit --schema demo --data @stream.csv --out @m --detector constructor', /no detector "constructor"/],
    ['fit --schema demo --data @stream.csv --out @m --detector flow vae', /flow and vae are both detectors of channel D/],
    ['fit --schema @no-label.yaml --data @stream.csv --out @m --detector logistic-regression', /names no label column/],
    ['fit --schema demo --data @no-amount.csv --out @m', /no-amount\.csv has no column "amount"/],
    ['fit --schema @shop.yaml --data @stream.csv --out @m', /no column "shop"/],
    ['fit --schema demo --data @stream.csv --out @m --config @nowhere', /cannot read .*nowhere.*service\.yaml/],
    ['score --model @nowhere --data @stream.csv --out @s.csv', /nowhere holds no usable model/],
    ['evaluate --data @stream.csv', /'--label <column>' not specified/],
    ['evaluate --data @stream.csv --label colour', /no column "colour"/],
    ['evaluate --data @empty.csv --label label', /empty\.csv is empty/],
    ['evaluate --data @three-labels.csv --label label', /line 3: label is "2"; expected 0 or 1/],
    ['evaluate --data @stream.csv --label label --split country', /country is "\w+"; expected 0 or 1/],
    ['evaluate --data @stream.csv --label label --detector oracle', /no detector "oracle"/],
    ['evaluate --data @stream.csv --label label --protocol guess', /'guess' is invalid.*one-class/],
    ['evaluate --data @stream.csv --label label --seeds 0', /whole number from 1 to 100/],
    ['compare --data @stream.csv', /--label is needed/],
    ['compare --data @stream.csv --label label --detector oracle', /no detector "oracle"/],
    ['compare --data @stream.csv --label label --start 2026-01-08', /--start needs a --schema with time and entities/],
    ['compare --data @stream.csv --schema demo --start 2026-02-31', /'2026-02-31' is invalid\. expected a date YYYY-MM-DD/],
    ['compare --data @stream.csv --schema demo --start 2030-01-01', /do not fit .* from 2026-01-01 to 2026-01-26/],
    ['compare --data @stream.csv --schema demo --label country', /label of schema "demo" is "label"/],
    ['compare --data @stream.csv --schema demo --split country', /--split and --test are for tables/],
    ['compare --data @stream.csv --label label --split country --test @huge.csv', /'--split <column>' cannot be used with/],
    ['compare --data @stream.csv --label label --out @stream.csv', /the comparison cannot be written to .*stream\.csv/],
    ['compare --data @stream.csv --label label --budget 1', /'1' is invalid\. expected a number above 0 and at most 0\.5/],
    ['diagnose --data @nothing.csv', /there is no file .*nothing\.csv/],
    ['diagnose --data @stream.csv --detector tail', /detector tail has no likelihood to diagnose/],
    ['diagnose --data @stream.csv --label colour', /no column "colour"/],
    ['diagnose --data @stream.csv --schema @no-label.yaml', /has no label; a stream is judged by its schema's/],
    [`${BACKTEST.replace('2026-01-08', '2026-02-31')}`, /--start 2026-02-31 is not a date/],
    [`${BACKTEST.replace('2026-01-08', 'monday')}`, /--start monday is not a date/],
    [`${BACKTEST.replace('2026-01-08', '2030-01-01')}`, /--start 2030-01-01: .*from 2026-01-01 to 2026-01-26/],
    [`${BACKTEST.replace('2026-01-08', '2020-01-01')}`, /--start 2020-01-01: .*from 2026-01-01 to 2026-01-26/],
    [`${BACKTEST} --train-days 1.5`, /'--train-days <n>' argument '1\.5' is invalid/],
    [`${BACKTEST} --budget 2`, /'2' is invalid\. expected a number above 0 and at most 0\.5/],
    [`${BACKTEST} --features some`, /'some' is invalid.*rfm/],
    [`${BACKTEST} --detector oracle`, /no detector "oracle"/],
    [`${BACKTEST} --detector flow vae`, /both detectors of channel D/],
    [`${BACKTEST} --detector markov-filter --features rfm`, /markov-filter needs feature set full/],
    [`${BACKTEST} --hold-out country=DE`, /--hold-out country=DE: expected type=VALUE/],
    [`${BACKTEST} --hold-out type=arson`, /no fraud of the data is of that type; there are account-takeover/],
    [`${BACKTEST.replace('schema demo', 'schema ulb')}`, /schema "ulb" has no time or no entities/],
    [`${BACKTEST.replace('schema demo', 'schema @no-label.yaml')}`, /has no label; backtest needs the truth/],
    [`${BACKTEST.replace('stream.csv', 'huge.csv')}`, /1 rows do not fit; line 3: amount: "1000000000000000"/],
    [`${BACKTEST} --scores @none/s.csv --test-days 1`, /none.s\.csv cannot be written/],
    [BACKTEST.replace(' --start 2026-01-08', ''), /--start is missing: backtest needs --from and --to for stored history, or/],
    [`${BACKTEST} --from 2026-01-08`, /--from is for stored history and does not go with --data/],
    ['backtest --from 2026-01-08 --to 2026-01-09 --train-days 3', /--train-days is for a file and goes with --data only/],
    ['backtest --from 2026-01-08', /--to is missing/],
    ['backtest --from 2026-02-30 --to 2026-03-02', /'2026-02-30' is invalid\. expected YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ/],
    ['backtest --from 2026-01-08 --to 2026-01-08', /--to 2026-01-08T00:00Z is not after --from/],
    ['demo-data --days 1', /'--out <file>' not specified/],
    ['demo-data --out @none/x.csv --days 1', /none.x\.csv cannot be written/],
    ['demo-data --out @x.csv --merchants 3', /whole number from 10 to 10000/],
    [REPLAY, /either --brokers or --http/],
    [`${REPLAY} --brokers 127.0.0.1:9092 --http http://localhost:3000`, /either --brokers or --http/],
    [`${REPLAY} --brokers nowhere`, /'nowhere' is invalid\. expected HOST:PORT/],
    [`${REPLAY} --http elsewhere`, /'elsewhere' is invalid\. expected http:/],
    [`${REPLAY} --http http://localhost:3000`, /--http needs --key/],
    [`${REPLAY} --http http://localhost:3000 --key k --rate slow`, /'slow' is invalid\. expected a number above 0/],
    [`${REPLAY.replace('stream.csv', 'huge.csv')} --http http://localhost:3000 --key k`, /huge\.csv, line 3: amount/],
    ['dead-letters list --limit 201', /'201' is invalid\. expected a whole number from 1 to 200/],
    ['dead-letters list --since yesterday', /'yesterday' is invalid\. expected YYYY-MM-DD or/],
    ['dead-letters list --since 2026-02-31', /'2026-02-31' is invalid/],
    ['dead-letters retry', /needs either --position or --all/],
    ['dead-letters retry --all --position transactions/0/42', /needs either --position or --all/],
    ['dead-letters retry --position transactions/0/42 --reason amount', /--reason and --since go with --all/],
    ['dead-letters retry --all', /set KAFKA_BROKERS to the brokers/],
    ['models promote --model @nowhere', /nowhere holds no usable model/],
    ['migrate --config @nowhere', /cannot read .*nowhere/],
  ])('%s', async (command, sentence) => {
    const { code, output, stdout } = await run(...command.split(' '));
    expect(output).toMatch(sentence);
    expect(code).toBe(2);
    expect(output.match(/^(surprisal|error): .*$/gm)).toHaveLength(1);
    if (!command.startsWith('schema check')) expect(stdout).toBe('');
  });
});

describe('backtest', () => {
  interface Printed {
    readonly [key: string]: unknown;
    readonly alertRate: number;
    readonly auroc: number;
    readonly budget: number;
    readonly judgedFrauds: number;
    readonly judgedRows: number;
    readonly testRows: number;
    readonly testFrauds: number;
    readonly trainFrauds: number;
    readonly recallByType: Readonly<Record<string, number>>;
  }
  const QUICK = `${BACKTEST} --train-days 8 --delay-days 3 --test-days 7 --detector logistic-regression --json`;
  const backtest = async (...more: string[]): Promise<Printed> => {
    const { code, stdout, output } = await run(...QUICK.split(' '), ...more);
    expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
    expect(stdout.trim().split('\n')).toHaveLength(1);
    return JSON.parse(stdout) as Printed;
  };
  const between = (from: number, to: number): readonly Row[] => rows.filter(({ day }) => day >= from && day < to);

  test('prints every documented key, writes exactly the judged rows, and gives the same twice', async () => {
    const { rowsPerSecond, ...printed } = await backtest('--seed', '7', '--scores', '@scores.csv');
    expect(rowsPerSecond).toBeGreaterThan(0);
    expect(Object.keys(printed).sort()).toEqual([
      'alertRate',
      'auprc',
      'auroc',
      'budget',
      'cardPrecisionAt100',
      'channels',
      'judgedFrauds',
      'judgedRows',
      'newTypeShare',
      'rankedBy',
      'recallByType',
      'testFrauds',
      'testRows',
      'trainFrauds',
      'trainRows',
    ]);
    const train = between(7, 15);
    const test = between(18, 25);
    expect(printed).toMatchObject({
      budget: 0.01,
      trainRows: train.length,
      trainFrauds: train.filter(({ type }) => type !== null).length,
      testRows: test.length,
      testFrauds: test.filter(({ type }) => type !== null).length,
    });

    // Customers whose fraud was known that day are not judged: known is a fraud since the start, at least 3 days old.
    const isKnown = ({ cells, day }: Row): boolean =>
      rows.some((one) => one.type !== null && one.cells[2] === cells[2] && one.day >= 7 && one.day <= Math.max(14, day - 4));
    const judged = test.filter((row) => !isKnown(row)).map(({ cells }) => cells[0]);
    const written = (await readFile(at('scores.csv'), 'utf8')).trim().split('\n');
    expect(written[0]).toBe('id,score,score_S');
    expect(written.slice(1).map((line) => line.split(',')[0])).toEqual(judged);
    expect(printed.judgedRows).toBe(judged.length);

    const fraudIds = new Set(test.filter(({ type }) => type !== null).map(({ cells }) => cells[0]));
    const scored = written.slice(1).map((line) => line.split(','));
    const scoresOf = (isFraud: boolean): number[] =>
      scored.filter(([id]) => fraudIds.has(id) === isFraud).map(([, score]) => Number(score));
    const [frauds, others] = [scoresOf(true), scoresOf(false)];
    expect(printed.judgedFrauds).toBe(frauds.length);
    const wins = frauds.map((f) => others.filter((o) => f > o).length + others.filter((o) => f === o).length / 2);
    expect(printed.auroc).toBeCloseTo(wins.reduce((sum, w) => sum + w, 0) / (frauds.length * others.length), 9);
    expect(printed.auroc).toBeGreaterThan(0.6);

    const first = await readFile(at('scores.csv'));
    const { rowsPerSecond: _speed, ...again } = await backtest('--seed', '7', '--scores', '@scores.csv');
    expect(again).toEqual(printed);
    expect((await readFile(at('scores.csv'))).equals(first)).toBe(true);
  }, 120_000);

  test('--hold-out takes a fraud type out of training and leaves it in the test', async () => {
    const all = await backtest();
    const held = await backtest('--hold-out', 'type=account-takeover');
    const ofType = between(7, 15).filter(({ type }) => type === 'account-takeover').length;
    expect(ofType).toBeGreaterThan(0);
    expect(held.trainFrauds).toBe(all.trainFrauds - ofType);
    expect(held.testRows).toBe(all.testRows);
    expect(held.judgedRows).toBe(all.judgedRows);
    expect(Object.keys(held.recallByType)).toEqual(Object.keys(all.recallByType));
  }, 120_000);

  test('--budget is what the alert rate follows', async () => {
    const [low, high] = [await backtest('--budget', '0.01'), await backtest('--budget', '0.1')];
    expect([low.budget, high.budget]).toEqual([0.01, 0.1]);
    expect(high.alertRate).toBeGreaterThan(3 * low.alertRate);
    expect(high.alertRate).toBeLessThan(0.2);
  }, 120_000);
});

test('demo-data: a seed and a day say what a file holds; --schema demo reads it', async () => {
  const write = async (name: string, ...more: string[]): Promise<string> => {
    const { code } = await run('demo-data', '--customers', '40', '--merchants', '20', '--out', `@${name}`, ...more);
    expect(code).toBe(0);
    return readFile(at(name), 'utf8');
  };
  const three = await write('three.csv', '--days', '3', '--seed', '5');
  const third = await write('third.csv', '--days', '1', '--from-day', '2', '--seed', '5');
  expect(three.endsWith(third.slice(third.indexOf('\n') + 1))).toBe(true);
  expect(await write('other.csv', '--days', '3', '--seed', '6')).not.toBe(three);
  const { code, stdout } = await run('schema', 'check', 'demo', '--data', '@three.csv', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, rows: three.trim().split('\n').length - 1, unusedColumns: [] });
});

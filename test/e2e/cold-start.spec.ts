import { rm } from 'node:fs/promises';
import pg from 'pg';
import { loadConfig, loadSchema } from '../../src/config.js';
import { transactionParser } from '../../src/domain/parse-transaction.js';
import { hasEnded, type TrainingRun } from '../../src/training/ports.js';
import { apiCall } from '../support/api-call.js';
import { coldWorld } from '../support/cold-start.js';
import { eventually } from '../support/kafka.js';
import { startTestPostgres, temporaryHome, type TestPostgres } from '../support/postgres.js';
import { startProgram, type RunningProgram } from '../support/program.js';

const KEY = 'test-key-of-the-cold-start';
const ROWS_MIN = 3_400;
const BATCH = 100;

describe('a service without history', () => {
  const { transactions } = coldWorld({ seed: 3, customers: 300, days: 5 });
  const parser = transactionParser(loadSchema('demo'));
  let home: string;
  let postgres: TestPostgres;
  let database: pg.Client;
  let program: RunningProgram;
  let url: string;
  let sent = 0;

  beforeAll(async () => {
    home = await temporaryHome();
    postgres = await startTestPostgres();
    const DATABASE_URL = await postgres.createDatabase();
    database = new pg.Client({ connectionString: DATABASE_URL });
    await database.connect();
    program = startProgram(['serve', '--schema', 'demo'], {
      DATABASE_URL,
      PORT: '0',
      SURPRISAL_HOME: home,
      SURPRISAL_API_KEY: KEY,
      SURPRISAL__TRAINING__COLD_START__ROWS_MIN: String(ROWS_MIN),
      SURPRISAL__TRAINING__REHEARSAL__ATTACKS: '3',
    });
    url = new URL((await program.waitFor(/page: (http\S+)/))[1]!).origin;
  }, 120_000);
  afterAll(async () => {
    await program?.stop('SIGKILL').catch(() => undefined);
    await database?.end();
    await postgres?.stop();
    await rm(home, { recursive: true, force: true });
  });

  const call = apiCall(() => url, KEY);
  const send = async (to: number): Promise<void> => {
    for (; sent < to; sent += BATCH)
      await call(
        'POST',
        '/v1/transactions',
        transactions.slice(sent, Math.min(to, sent + BATCH)).map((transaction) => parser.toJson(transaction)),
      );
  };
  const history = async (): Promise<string> =>
    (await call<{ checks: Record<string, string> }>('GET', '/health/ready')).checks['history'] ?? '';
  const runs = async (): Promise<readonly TrainingRun[]> =>
    (await call<{ items: TrainingRun[] }>('GET', '/v1/training-runs')).items;
  const count = async (where: string): Promise<number> =>
    (await database.query<{ n: number }>(`SELECT count(*)::integer AS n FROM transactions WHERE ${where}`)).rows[0]!.n;

  test('scores by a prior model that says so, and alerts once it has seen 500 transactions', async () => {
    await program.waitFor(/cold start: prior-[0-9a-f]{8} decides, a prior model without history/);
    expect(await history()).toMatch(/prior model prior-[0-9a-f]{8} decides, without history: nothing is alerted on before 500/);
    await send(500);
    expect(await count(`outcome <> 'approve' OR calibration <> 'none'`)).toBe(0);
    // The calibration's timer.
    await eventually('the first calibration', async () => (await history()).includes('calibrated by 500'), 30_000);
    await send(3_300);
    const { share } = loadConfig(undefined, {}).policy.budget;
    const firstDay = `occurred_at < timestamptz '2026-01-06T00:00:00Z'`;
    expect(await count(`${firstDay} AND outcome <> 'approve'`)).toBeLessThanOrEqual(2 * share * (await count(firstDay)));
    expect(await count(`outcome <> 'approve'`)).toBeGreaterThan(0);
    expect(await count(`model NOT LIKE 'prior-%'`)).toBe(0);
    expect(await runs()).toEqual([]);
  }, 120_000);

  test('trains its first model at the stated number of rows, which the gate lets decide without labels', async () => {
    await send(ROWS_MIN);
    const run = await eventually('the end of the run', async () => (await runs()).find(({ state }) => hasEnded(state)), 300_000);
    expect({ state: run.state, error: run.error }).toEqual({ state: 'succeeded', error: null });
    expect(run.why).toBe(`cold start: ${ROWS_MIN} transactions are stored`);
    const { verdict, reasons, gate } = run.report as { verdict: string; reasons: string[]; gate: { champion: string } };
    expect({ verdict, reasons }).toMatchObject({ verdict: 'promote' });
    expect(reasons.join()).toContain('the champion is a prior model');
    expect(gate.champion).toMatch(/^prior-/);
    await eventually('the new champion', async () => (await history()) === '', 30_000);
  }, 340_000);

  test('goes on with what it remembers: later rows name the new version, and know their customers', async () => {
    const before = await database.query<{ n: number }>('SELECT count(*)::integer AS n FROM entity_states');
    await send(transactions.length);
    const [run] = await runs();
    expect(await count(`model = '${run!.version!}'`)).toBe(transactions.length - ROWS_MIN);
    const sets = await database.query<{ id: string }>('SELECT DISTINCT feature_set AS id FROM entity_states');
    expect(sets.rows).toHaveLength(1);
    const after = await database.query<{ n: number }>('SELECT count(*)::integer AS n FROM entity_states');
    // 300 customers have nearly all come before: nobody is new again.
    expect(after.rows[0]!.n).toBeLessThan(before.rows[0]!.n + 30);
    const changes = await database.query<{ by: string; version: string }>('SELECT by, version FROM role_changes ORDER BY id');
    expect(changes.rows.map(({ by }) => by)).toEqual(['cold start', `training run ${run!.id}`]);
    expect(await program.stop('SIGINT')).toBe(0);
    expect(program.output()).not.toMatch(/"level":(50|60)/);
  }, 120_000);
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createWorld } from '../../src/synthetic/world.js';
import { eventually } from '../support/kafka.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';
import { runProgram, startProgram, type RunningProgram } from '../support/program.js';

const HISTORY_DAYS = 20;
/** More than the clients can send in the time that the test takes. */
const LIVE_DAYS = 80;
const CLIENTS = 4;
const BATCH = 10;
const PAUSE_MS = 50;
const KEY = 'test-key-of-the-swaps';

/** Champions change while transactions pour in: nothing is lost, nothing is scored twice, every row names its model. */
describe('a model is swapped and rolled back under load', () => {
  const world = createWorld({ seed: 5, customers: 100, merchants: 40, startMs: Date.UTC(2026, 0, 1) });
  const live = Array.from({ length: LIVE_DAYS }, (_, day) => world.day(HISTORY_DAYS + day).transactions).flat();
  let folder: string;
  let postgres: TestPostgres;
  let database: pg.Client;
  let environment: Record<string, string>;
  let program: RunningProgram | undefined;
  let url: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'surprisal-swap-'));
    postgres = await startTestPostgres();
    const DATABASE_URL = await postgres.createDatabase();
    database = new pg.Client({ connectionString: DATABASE_URL });
    await database.connect();
    const SURPRISAL_SIGNING_KEY = 'signing-key-of-the-swaps';
    environment = { DATABASE_URL, SURPRISAL_API_KEY: KEY, SURPRISAL_SIGNING_KEY, SURPRISAL_HOME: folder, PORT: '0' };
    const rows = Array.from({ length: HISTORY_DAYS }, (_, day) => world.day(day)).flatMap(({ transactions, truth }) =>
      transactions.map((t, i) => [...(Object.values(t) as string[]), truth[i]!.isFraud ? 1 : 0, truth[i]!.type ?? ''].join()),
    );
    const header = [...Object.keys(live[0]!), 'label', 'type'].join();
    await writeFile(join(folder, 'history.csv'), `${[header, ...rows].join('\n')}\n`);
  }, 120_000);
  afterAll(async () => {
    await program?.stop();
    await database.end();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const surprisal = async <T>(...args: string[]): Promise<T> => {
    const { code, output, stdout } = await runProgram([...args, '--json'], environment);
    expect({ code, output }).toMatchObject({ code: 0 });
    return JSON.parse(stdout) as T;
  };
  const post = async <T>(path: string, body: unknown): Promise<T> => {
    const headers = { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' };
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    expect({ status: answer.status, text }).toMatchObject({ status: 200 });
    return JSON.parse(text) as T;
  };

  test('two models of the same features are stored; the second takes over, and back', async () => {
    const data = join(folder, 'history.csv');
    for (const detector of ['tail', 'gaussian-mixture']) {
      const out = join(folder, detector);
      const fitted = await surprisal<{ version: string }>(
        'fit',
        '--schema',
        'demo',
        '--data',
        data,
        '--detector',
        detector,
        '--out',
        out,
      );
      const promoted = await surprisal<{ champion: string }>('models', 'promote', '--model', out);
      expect(promoted.champion).toBe(fitted.version);
    }
    const { items } = await surprisal<{ items: { version: string; state: string; isSigned: boolean }[] }>('models', 'list');
    expect(items.map(({ state, isSigned }) => [state, isSigned]).sort()).toEqual([
      ['candidate', true],
      ['champion', true],
    ]);
    const { version } = await surprisal<{ version: string }>('models', 'rollback');
    expect(items.find((item) => item.version === version)!.state).toBe('candidate');
  }, 240_000);

  test('under load every row is stored once and names the model that decided it', async () => {
    program = startProgram(['serve', '--schema', 'demo'], environment);
    url = new URL((await program.waitFor(/page: (http\S+)/))[1]!).origin;
    await eventually('the service is ready', async () => (await fetch(`${url}/health/ready`)).ok, 60_000);
    const roles = await database.query<{ version: string }>(`SELECT version FROM model_roles WHERE role = 'champion'`);
    const first = roles.rows[0]!.version;
    const other = (await database.query<{ version: string }>('SELECT version FROM model_versions WHERE version <> $1', [first]))
      .rows[0]!.version;

    const answered: { id: string; model: string; askedAtMs: number }[] = [];
    let next = 0;
    let isOver = false;
    const client = async (): Promise<void> => {
      while (!isOver && next < live.length) {
        const batch = live.slice(next, (next += BATCH));
        const askedAtMs = performance.now();
        const { items } = await post<{ items: { id: string; repeat: boolean; versions: { model: string } }[] }>(
          '/v1/transactions',
          batch,
        );
        expect(items.map(({ id, repeat }) => [id, repeat])).toEqual(batch.map(({ id }) => [id, false]));
        answered.push(...items.map(({ id, versions }) => ({ id, model: versions.model, askedAtMs })));
        await sleep(PAUSE_MS);
      }
    };
    const clients = Array.from({ length: CLIENTS }, client);
    const scoredBy = (model: string) => eventually(`rows of ${model}`, () => answered.at(-1)?.model === model, 10_000);
    await eventually('the first rows', () => answered.length > 0);
    for (let turn = 0; turn < 4; turn += 1) {
      await post(`/v1/models/${other}/promote`, { by: 'test', why: `turn ${turn}` });
      await scoredBy(other);
      await post('/v1/models/rollback', { by: 'test' });
      await scoredBy(first);
    }
    await post(`/v1/models/${other}/promote`, { by: 'test' });
    await scoredBy(other);
    // In one command, and in seconds: the start of the program, the change of role, the change in the scoring threads.
    const startedAtMs = performance.now();
    expect(await surprisal('models', 'rollback', '--why', 'alerts doubled')).toMatchObject({ version: first, replaced: other });
    await scoredBy(first);
    const tookMs = performance.now() - startedAtMs;
    await sleep(500);
    isOver = true;
    await Promise.all(clients);

    expect(tookMs).toBeLessThan(10_000);
    expect(next).toBeLessThan(live.length);
    expect(new Set(answered.map(({ model }) => model))).toEqual(new Set([first, other]));
    expect(answered.filter(({ model, askedAtMs }) => model === other && askedAtMs > startedAtMs + tookMs)).toEqual([]);
    const stored = await database.query<{ id: string; model: string }>('SELECT id, model FROM transactions');
    const sorted = (rows: readonly { id: string; model: string }[]) => rows.map(({ id, model }) => `${id} ${model}`).sort();
    expect(sorted(stored.rows)).toEqual(sorted(answered));
    const counted = await database.query<{ n: string }>('SELECT sum(transactions) AS n FROM day_counts');
    expect(Number(counted.rows[0]!.n)).toBe(answered.length);
    const changes = await database.query<{ kind: string }>('SELECT kind FROM role_changes ORDER BY id');
    expect(changes.rows.filter(({ kind }) => kind === 'rollback')).toHaveLength(6);
  }, 240_000);
});

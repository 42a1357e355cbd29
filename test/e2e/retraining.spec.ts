import { rm } from 'node:fs/promises';
import { hasEnded, type TrainingRun } from '../../src/training/ports.js';
import { apiCall } from '../support/api-call.js';
import { eventually } from '../support/kafka.js';
import { temporaryHome } from '../support/postgres.js';
import { startProgram, type RunningProgram } from '../support/program.js';

const KEY = 'test-key-of-the-retraining';

interface Report {
  readonly verdict: string;
  readonly gate: { readonly checks: readonly { readonly name: string; readonly outcome: string }[]; readonly champion: string };
  readonly rehearsal: { readonly candidate: { readonly cells: readonly unknown[] }; readonly champion: object | null };
  readonly training: {
    readonly augmentation: {
      readonly tried: readonly unknown[];
      readonly reasons: readonly string[];
      readonly syntheticRows: number;
    };
  };
}

describe('the demo retrains by its schedule', () => {
  let home: string;
  let program: RunningProgram;
  let url: string;

  beforeAll(async () => {
    home = await temporaryHome();
    program = startProgram(['serve', '--seed', '5'], {
      PORT: '0',
      SURPRISAL_HOME: home,
      SURPRISAL_API_KEY: KEY,
      SURPRISAL__SERVICE__DEMO__CUSTOMERS: '150',
      SURPRISAL__SERVICE__DEMO__MERCHANTS: '60',
      SURPRISAL__SERVICE__DEMO__HISTORY_DAYS: '40',
      // Two days after the live stream begins, by its clock.
      SURPRISAL__SERVICE__DEMO__RETRAIN_CRON: '0 0 12 2 *',
      SURPRISAL__SERVICE__DEMO__SECONDS_PER_DAY: '20',
      SURPRISAL__TRAINING__REHEARSAL__ATTACKS: '2',
    });
    url = new URL((await program.waitFor(/page: (http\S+)/, 300_000))[1]!).origin;
  }, 320_000);
  afterAll(async () => {
    await program?.stop('SIGKILL').catch(() => undefined);
    await rm(home, { recursive: true, force: true });
  });

  const call = apiCall(() => url, KEY);
  const newestModel = async (): Promise<string> => {
    const { items } = await call<{ items: { id: string }[] }>('GET', '/v1/transactions?limit=1');
    const { versions } = await call<{ versions: { model: string } }>('GET', `/v1/transactions/${items[0]!.id}`);
    return versions.model;
  };
  const runs = async (): Promise<readonly TrainingRun[]> =>
    (await call<{ items: TrainingRun[] }>('GET', '/v1/training-runs')).items;

  test('on augmented data, with a report of the gate for candidate and champion', async () => {
    await program.waitFor(/training run \d+ is asked for: due at 2026-02-12T00:00/, 120_000);
    const run = await eventually('the end of the run', async () => (await runs()).find(({ state }) => hasEnded(state)), 400_000);
    expect({ state: run.state, error: run.error }).toEqual({ state: 'succeeded', error: null });
    expect(run).toMatchObject({ trigger: 'schedule', attempt: 1 });
    expect(run.data!.hash).toMatch(/^[0-9a-f]{64}$/);
    const report = run.report as unknown as Report;
    expect(['promote', 'shadow', 'reject']).toContain(report.verdict);
    expect(report.gate.checks.length).toBeGreaterThan(5);
    expect(report.rehearsal.candidate.cells.length).toBeGreaterThan(0);
    expect(report.rehearsal.champion).not.toBeNull();
    expect(report.training.augmentation.reasons.length).toBeGreaterThan(0);

    const state = { promote: 'champion', shadow: 'challenger', reject: 'candidate' }[report.verdict];
    const model = await eventually(`the version to be ${state}`, async () => {
      const stored = await call<{ state: string }>('GET', `/v1/models/${run.version!}`);
      return stored.state === state && stored;
    });
    expect(model).toMatchObject({ parent: report.gate.champion, trainingRun: run.id });
  }, 540_000);

  test('changes the model without a restart, and goes back', async () => {
    const [run] = await runs();
    const { gate, verdict } = run!.report as unknown as Report;
    if (verdict !== 'promote') await call('POST', `/v1/models/${run!.version!}/promote`, { why: 'the test wants it' });
    await eventually('rows of the new model', async () => (await newestModel()) === run!.version, 30_000);
    await call('POST', '/v1/models/rollback', { why: 'the test wants the one before' });
    await eventually('rows of the model before', async () => (await newestModel()) === gate.champion, 30_000);
    expect(await program.stop('SIGINT')).toBe(0);
    expect(program.output()).not.toMatch(/"level":(50|60)/);
  }, 120_000);
});

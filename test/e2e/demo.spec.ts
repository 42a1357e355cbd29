import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { Alert } from '../../src/domain/alert.js';
import { launchBrowser } from '../support/browser.js';
import { temporaryHome } from '../support/postgres.js';
import { startProgram, type RunningProgram } from '../support/program.js';

/** A small world, so that the whole story fits into a test: set-up, training, history, alerts, stop, resume. */
const SMALL = {
  PORT: '0',
  SURPRISAL__SERVICE__DEMO__CUSTOMERS: '120',
  SURPRISAL__SERVICE__DEMO__MERCHANTS: '60',
  SURPRISAL__SERVICE__DEMO__HISTORY_DAYS: '34',
  SURPRISAL__SERVICE__DEMO__SECONDS_PER_DAY: '20',
};

describe('npm start on an empty machine', () => {
  let home: string;
  let browser: Browser;
  let program: RunningProgram;

  beforeAll(async () => {
    home = await temporaryHome();
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await program?.stop('SIGKILL').catch(() => undefined);
    await browser?.close();
    await rm(home, { recursive: true, force: true });
  });

  const start = (...args: string[]): RunningProgram => startProgram(['serve', ...args], { ...SMALL, SURPRISAL_HOME: home });
  const api = async (page: string, path: string): Promise<unknown> => {
    const { origin, hash } = new URL(page);
    const response = await fetch(new URL(path, origin), { headers: { authorization: `Bearer ${hash.slice('#key='.length)}` } });
    expect(response.status).toBe(200);
    return response.json();
  };

  test('trains, prints explained alerts, shows them on the page, and explains them by HTTP', async () => {
    program = start('--seed', '5');
    const page = (await program.waitFor(/page: (http\S+)/))[1]!;
    const line = await program.waitFor(
      /^2026-02-\S+ \S+ {2}(REVIEW|DECLINE) [\d.]+ (EUR|GBP|USD), customer \S+, merchant \S+: .* 1 in .*nats\)/m,
      180_000,
    );
    expect(line[0]).not.toContain('NaN');

    const { items } = (await api(page, '/v1/alerts?limit=50')) as { items: { alert: Alert }[] };
    expect(items.length).toBeGreaterThan(0);
    for (const { alert } of items) {
      expect(alert.reasons.length).toBeGreaterThan(0);
      expect(Object.values<string>({ ...alert.versions }).every((version) => version.length > 0)).toBe(true);
      for (const channel of Object.values(alert.channels)) expect(channel.minusLog10P).not.toBeNull();
    }
    const detail = (await api(page, `/v1/transactions/${items[0]!.alert.transactionId}`)) as { alert: Alert; features: object };
    expect(detail.alert.id).toBe(items[0]!.alert.id);
    expect(Object.keys(detail.features).length).toBeGreaterThan(20);

    const tab = await browser.newPage();
    await tab.goto(page);
    await tab.getByText(items[0]!.alert.entities['customer']!).first().waitFor();
    await tab.close();
  }, 300_000);

  test('stops cleanly on Ctrl-C and goes on from its position without training again', async () => {
    const page = /page: (http\S+)/.exec(program.output())![1]!;
    const before = (await api(page, '/v1/status')) as { transactions: number; model: string };
    expect(await program.stop('SIGINT')).toBe(0);
    expect(program.output()).toMatch(/stopping …\n(.*\n)*stopped\n$/);

    program = start();
    const again = (await program.waitFor(/page: (http\S+)/))[1]!;
    await program.waitFor(/live stream/);
    expect(program.output()).not.toContain('S log-odds-ensemble');
    const after = (await api(again, '/v1/status')) as {
      transactions: number;
      model: string;
      deadLetters: number;
      repeats: number;
    };
    expect(after.transactions).toBeGreaterThanOrEqual(before.transactions);
    expect(after).toMatchObject({ model: before.model, deadLetters: 0, repeats: 0 });
  }, 120_000);

  test('another seed in the same home is refused in one sentence', async () => {
    await program.stop();
    const other = start('--seed', '6');
    expect(await other.ended()).toBe(2);
    expect(other.output()).toContain('this database runs the demo of seed 5; for seed 6 set SURPRISAL_HOME to another folder');
    expect(other.output()).not.toMatch(/stopp/);
  }, 60_000);

  test('another policy takes the stored scores anew', async () => {
    const other = startProgram(['serve'], { ...SMALL, SURPRISAL_HOME: home, SURPRISAL__POLICY__BUDGET__SHARE: '0.05' });
    const page = (await other.waitFor(/page: (http\S+)/))[1]!;
    expect(await api(page, '/v1/status')).toMatchObject({ budget: 0.05 });
    expect(await other.stop()).toBe(0);
  }, 60_000);

  test('a busy port is one clear sentence, said before any work', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const empty = join(home, 'never-made');
    const other = startProgram(['serve'], { ...SMALL, SURPRISAL_HOME: empty, PORT: String(port) });
    expect(await other.ended()).toBe(2);
    expect(other.output()).toBe(`surprisal: PORT=${port} is taken by another program; set PORT to a free one (0 takes any)\n`);
    expect(existsSync(empty)).toBe(false);
    taken.close();
  }, 60_000);
});

describe('a home that cannot be used is one clear sentence', () => {
  let home: string;
  beforeAll(async () => {
    home = await temporaryHome();
    await writeFile(join(home, 'file'), '');
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  const places = (): (readonly [string, string])[] => [
    [join(home, 'file'), `${join(home, 'file')} is a file`],
    [join(home, 'file', 'below'), `${join(home, 'file')} is a file`],
    ...(process.platform === 'linux' ? [['/proc/surprisal', 'no folder can be made in /proc'] as const] : []),
  ];
  // With a key of its own the database is the first to need the home.
  test.each([{}, { SURPRISAL_API_KEY: 'a-key-of-sixteen-letters' }])(
    'with %p',
    async (environment) => {
      for (const [place, reason] of places()) {
        const program = startProgram(['serve'], { ...SMALL, ...environment, SURPRISAL_HOME: place });
        expect(await program.ended(30_000)).toBe(2);
        expect(program.output()).toMatch(/^surprisal: SURPRISAL_HOME=.*\n$/);
        expect(program.output()).toContain(`SURPRISAL_HOME=${place} cannot`);
        expect(program.output()).toContain(reason);
      }
    },
    60_000,
  );
});

test.each([
  [['serve', '--role', 'worker'], {}, 'DATABASE_URL is not set: role worker needs it'],
  [['serve'], { KAFKA_BROKERS: '127.0.0.1:1' }, '--schema is missing'],
  [['serve'], { PORT: 'x' }, 'PORT=x: a whole number from 0 to 65535'],
  [['serve', '--role', 'boss'], {}, 'boss'],
  [['serve', '--schema', 'atlantis'], {}, '"atlantis"'],
])('%p with %p ends with 2 and one sentence', async (args, environment, sentence) => {
  const program = startProgram(args, environment);
  expect(await program.ended()).toBe(2);
  expect(program.output()).toContain(sentence);
});

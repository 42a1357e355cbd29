import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import type { Reason } from '../../src/domain/alert.js';
import { DAY_MS } from '../../src/domain/time.js';
import type { Flip } from '../../src/domain/version-comparison.js';
import { NotStoredError } from '../../src/store/state-conflict.js';
import type { PairCount } from '../../src/training/ports.js';
import { launchBrowser } from '../support/browser.js';
import { KEY, startHttp, type HttpService } from '../support/http-service.js';
import { memoryService, NOW_MS } from '../support/memory-api.js';
import { memoryTraining, modelOf, runOf, storedReport } from '../support/memory-training.js';
import { payment, seedShop } from '../support/shop-history.js';

let webRoot: string;
let browser: Browser;
let behind: ReturnType<typeof memoryService> & ReturnType<typeof memoryTraining>;
let service: HttpService;
let page: Page;
let faults: string[];

beforeAll(async () => {
  webRoot = mkdtempSync(join(tmpdir(), 'surprisal-page-'));
  execFileSync(
    process.execPath,
    [resolve('node_modules/vite/bin/vite.js'), 'build', 'web', '--outDir', webRoot, '--emptyOutDir'],
    // As it is served: under "test" React would be built for development, with every effect run twice.
    { stdio: 'pipe', env: { ...process.env, NODE_ENV: 'production' } },
  );
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  rmSync(webRoot, { recursive: true, force: true });
});

beforeEach(async () => {
  behind = { ...memoryService(), ...memoryTraining() };
  const checks = { history: 'prior model prior-1a2b3c4d decides, without history' };
  service = await startHttp(behind, { webRoot, readiness: () => Promise.resolve({ ok: true, checks }) });
  page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  page.setDefaultTimeout(15_000);
  faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) faults.push(message.text());
  });
});
afterEach(async () => {
  await page.close();
  await service.app.close();
  // A refused script, style or connection of the content security policy is an error on the console.
  expect(faults).toEqual([]);
});

const open = (key = KEY) => page.goto(`${service.url}/#key=${key}`);
const pay = async (i: number, amount: number, customer = 1): Promise<void> => {
  const answer = await fetch(`${service.url}/v1/transactions`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(payment(i, customer, amount, NOW_MS, 'travel')),
  });
  expect(answer.status).toBe(200);
};
const options = (): Locator => page.getByRole('option');
const detail = (): Locator => page.getByRole('region', { name: 'Chosen alert' });
const connection = (text: string): Promise<void> => page.locator('.connection', { hasText: text }).waitFor();

describe('the key', () => {
  it('comes from the address, which loses it, and lasts for the tab', async () => {
    await open();
    await connection('Live');
    expect(page.url()).toBe(`${service.url}/`);
    await page.reload();
    await connection('Live');
  });

  it('is asked for when it is absent, and again when it is wrong', async () => {
    await page.goto(service.url);
    const input = page.getByLabel('Access key');
    await input.fill('not the key');
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByRole('alert').filter({ hasText: 'not accepted' }).waitFor();
    await open('wrong-as-well');
    await page.getByRole('alert').filter({ hasText: 'not accepted' }).waitFor();
    expect(page.url()).not.toContain('wrong');
    await input.fill(KEY);
    await input.press('Enter');
    await connection('Live');
  });
});

describe('the live page', () => {
  it('says that there is nothing yet, then shows an alert that arrives after it was loaded', async () => {
    await open();
    await page.getByText('No alerts yet').waitFor();
    await page.getByText('Choose an alert').waitFor();
    await pay(900, 1312.5);
    await options().filter({ hasText: '1312.50 EUR' }).waitFor();
    expect(await options().count()).toBe(1);
  });

  it('shows the stream: rate, counts, alert rate beside its budget, model and calibration', async () => {
    await seedShop(behind.line);
    await open();
    const figures = page.getByLabel('The stream');
    await figures.getByText('1,284').waitFor();
    const text = (await figures.innerText()).replaceAll('\u00a0', ' ');
    for (const part of ['252', '12', '0.93 %', '1.00 % budget', 'shop-20260301T000000Z-1a2b3c4d', 'calibration'])
      expect(text).toContain(part);
    await page.getByRole('img', { name: '0.93 % of a budget of 1.00 %' }).waitFor();
  });

  it('says so while a model decides that has no history', async () => {
    await open();
    await page.getByLabel('The stream').getByText('1,284').waitFor();
    expect(await page.getByRole('note').count()).toBe(0);
    const status = await behind.queries.status();
    behind.queries.status = () => Promise.resolve({ ...status, model: 'prior-1a2b3c4d' });
    await page.getByRole('note').getByText('prior model prior-1a2b3c4d decides, without history').waitFor();
  });

  it('explains the chosen alert: sentence, reasons as bars in nats, every model, the customer before', async () => {
    await seedShop(behind.line);
    await open();
    await pay(901, 1999.99);
    await options().filter({ hasText: '1999.99 EUR' }).click();
    const alert = behind.queries.alerts.at(-1)!;
    await detail().getByText(alert.sentence).waitFor();

    const reasons = detail().getByRole('table').first().locator('tbody tr');
    expect(await reasons.count()).toBe(alert.reasons.length);
    const bars = await reasons.locator('.bar-cell rect').all();
    const widths = await Promise.all(bars.map(async (bar) => (await bar.boundingBox())!.width));
    const nats = alert.reasons.map((reason) => reason.nats);
    widths.forEach((width, i) => expect(width / widths[0]!).toBeCloseTo(nats[i]! / nats[0]!, 2));
    expect(await reasons.first().innerText()).toMatch(/amount.*\n[^]*8\.2 – 74\.5/);

    for (const name of ['Density', 'Supervised', 'Tails', 'Markov filter']) {
      const model = detail().getByRole('article', { name });
      expect(await model.innerText()).toMatch(/1 in [\d,]+[^]*score [\d.-]+ · p /);
    }
    await detail().locator('.recharts-scatter.before path').first().waitFor();
    expect(await detail().locator('.recharts-scatter.current path').count()).toBe(1);
    expect(await detail().locator('.recharts-reference-area-rect').count()).toBe(1);
    const current = detail().getByRole('region', { name: 'as a table' }).locator('tr[aria-current="true"]');
    expect(await current.innerText()).toContain('1999.99 EUR');
  });

  it('says which alerts are of a new type, how many are alike, and narrows the list to them', async () => {
    await pay(910, 700);
    await pay(911, 4500);
    await pay(912, 4800, 2);
    await open();
    const kind = page.getByRole('region', { name: 'New types of fraud' }).getByRole('button', { name: '2 alike since' });
    expect(await kind.innerText()).toContain('amount above usual');
    expect(await options().count()).toBe(3);
    await kind.click();
    await page.waitForFunction(`document.querySelectorAll('[role=option]').length === 2`);
    expect((await options().allInnerTexts()).every((text) => text.includes('new type'))).toBe(true);
    await options().first().click();
    await detail().getByText('only 3.10\u00a0% of 412 known frauds').waitFor();
    await page.getByRole('button', { name: 'Show all alerts' }).click();
    await page.waitForFunction(`document.querySelectorAll('[role=option]').length === 3`);
  });

  it('narrows to alerts of a kind that have left the live list, page by page, and keeps labels on them', async () => {
    for (let i = 0; i < 103; i += 1) await pay(5000 + i, 4500, i % 9);
    for (let i = 0; i < 205; i += 1) await pay(6000 + i, 600, i % 9);
    await open();
    await page.locator('[role=option]:nth-child(100)').waitFor();
    await page.getByRole('region', { name: 'New types of fraud' }).getByRole('button', { name: '103 alike since' }).click();
    await page.waitForFunction(`document.querySelectorAll('[role=option]').length === 100`);
    await page.getByRole('button', { name: 'Show older' }).click();
    await page.waitForFunction(`document.querySelectorAll('[role=option]').length === 103`);
    expect(await page.getByRole('button', { name: 'Show older' }).count()).toBe(0);
    expect((await options().allInnerTexts()).every((text) => text.includes('new type'))).toBe(true);
    await options().last().click();
    await detail().getByRole('button', { name: 'Fraud' }).click();
    await options().last().locator('.label-fraud').waitFor();
    await pay(7000, 4700, 2);
    await page.mouse.move(1200, 10);
    await options().first().filter({ hasText: '4700.00 EUR' }).waitFor();
    expect(await options().count()).toBe(104);
  });

  const reason = (feature: string, field: string, nats: number, rest: Pick<Reason, 'observed' | 'usual' | 'text'>): Reason => ({
    channel: 'T',
    feature,
    field,
    nats,
    ...rest,
  });
  const own = (low: number, median: number, high: number) => ({ low, median, high, basis: 'entity' as const });

  it('words durations and hours of the day as the sentence does, and shows a reason given twice once', async () => {
    await seedShop(behind.line);
    const amount = { observed: 900, usual: own(8.2, 26.4, 74.5), text: 'amount 900.00 EUR, usually 8.20 to 74.50 EUR' };
    behind.queries.alerts.push({
      ...behind.queries.alerts.pop()!,
      lane: 'T',
      reasons: [
        reason('s_amt', 'amount', 9.5, amount),
        reason('z_amt', 'amount', 6.1, amount),
        reason('s_gap', 'time since the last payment', 5.2, {
          observed: 0.000794,
          usual: own(0.11, 0.9, 3.25),
          text: 'time since the last payment 1 minute, usually 2.6 hours to 3.3 days',
        }),
        reason('s_hour', 'occurredAt', 3.1, {
          observed: 3.25,
          usual: own(10.4, 17.2, 0),
          text: 'hour of day (UTC) 03:15, usually 10:24 to 00:00',
        }),
        reason('s_burst', 'payments in the hour before', 0.4, {
          observed: 4.1,
          usual: null,
          text: 'payments in the hour before 4.1',
        }),
      ],
    });
    await open();
    await options().first().click();
    const rows = detail().getByRole('table').first().locator('tbody tr');
    await rows.first().waitFor();
    const cells = async (name: string) => (await rows.locator(name).allInnerTexts()).map((text) => text.split('\n')[0]);
    expect(await cells('.observed')).toEqual(['900', '1 minute', '03:15', '4.1']);
    expect(await cells('.usual')).toEqual([
      '8.2 – 74.5 own habit',
      '2.6 hours – 3.3 days own habit',
      '10:24 – 00:00 own habit',
      '–',
    ]);
    expect(await cells('.bar-cell')).toEqual(['9.50', '5.20', '3.10', '0.40']);
    // Usual from 10:24 over the afternoon to midnight: what was seen at 03:15 lies before it.
    const strip = rows.nth(2).locator('.strip');
    const [interval, seen] = [await strip.locator('.interval').boundingBox(), await strip.locator('.seen').boundingBox()];
    expect(interval!.width).toBeGreaterThan(30);
    expect(seen!.x + seen!.width).toBeLessThan(interval!.x);
  });

  it.each([
    ['linear', 1400],
    ['linear', 400],
    ['logarithmic', 1400],
    ['logarithmic', 400],
  ] as const)('shows amounts of millions whole on a %s axis, at %i pixels', async (scale, width) => {
    await page.setViewportSize({ width, height: 900 });
    for (let i = 0; i < 6; i += 1) await pay(920 + i, 1_000_000 + 230_000 * i);
    // With the usual interval stated, 8.20 to 74.50, the scale is logarithmic.
    if (scale === 'linear') behind.queries.alerts.push({ ...behind.queries.alerts.pop()!, reasons: [] });
    await open();
    await options().first().click();
    const ticks = detail().locator('.recharts-yAxis-tick-labels .recharts-cartesian-axis-tick-value');
    await ticks.first().waitFor();
    const texts = await ticks.allTextContents();
    expect(texts.length).toBeGreaterThan(2);
    expect(texts.at(-1)).toMatch(/M$/);
    for (const text of texts) expect(text).toMatch(/^\d{1,3}(\.\d+)?[KM]?$/);
    const edge = (await detail().locator('.recharts-surface').first().boundingBox())!.x;
    for (const tick of await ticks.all()) expect((await tick.boundingBox())!.x).toBeGreaterThanOrEqual(edge);
  });

  it('stores a label and shows it in the list', async () => {
    await seedShop(behind.line);
    await open();
    await options().first().click();
    await detail().getByText('Not labelled yet').waitFor();
    await detail().getByRole('button', { name: 'Fraud' }).click();
    await detail().getByText('Stored as fraud').waitFor();
    await options().first().locator('.label-fraud').waitFor();
    const transactionId = behind.queries.alerts.at(-1)!.transactionId;
    expect(behind.queries.labels).toEqual([{ transactionId, isFraud: true, type: null, source: 'analyst', knownAtMs: NOW_MS }]);
    await detail().getByRole('button', { name: 'Legitimate' }).click();
    await options().first().locator('.label-legitimate').waitFor();
    await page.reload();
    await options().first().locator('.label-legitimate').waitFor();
  });

  it('is walked through by the arrow keys', async () => {
    await seedShop(behind.line);
    await open();
    const list = page.getByRole('listbox');
    await list.focus();
    const selected = () => page.locator('[role=option][aria-selected=true]').getAttribute('id');
    for (const [key, index] of [
      ['ArrowDown', 0],
      ['ArrowDown', 1],
      ['ArrowUp', 0],
      ['End', 11],
      ['Home', 0],
    ] as const) {
      await list.press(key);
      expect(await selected()).toBe(await options().nth(index).getAttribute('id'));
      expect(await list.getAttribute('aria-activedescendant')).toBe(await selected());
    }
  });

  it('stands still while it is paused and tells how many wait', async () => {
    await seedShop(behind.line);
    await open();
    await options().first().waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await pay(902, 1500);
    await page.getByText('1 new waiting').waitFor();
    expect(await options().count()).toBe(12);
    await page.getByRole('button', { name: 'Resume' }).click();
    await options().filter({ hasText: '1500.00 EUR' }).waitFor();
  });

  it('keeps 200 alerts at most', async () => {
    await open();
    await page.getByText('No alerts yet').waitFor();
    for (let i = 0; i < 205; i += 1) await pay(1000 + i, 600);
    await page.locator('[role=option]:nth-child(200)').waitFor();
    await page.getByLabel('The stream').getByText('205', { exact: true }).first().waitFor();
    expect(await options().count()).toBe(200);
  });

  it('says that the service is gone, comes back by itself and misses nothing', async () => {
    await seedShop(behind.line);
    await open();
    await connection('Live');
    const port = Number(new URL(service.url).port);
    await service.app.close();
    await connection('Disconnected');
    service = await startHttp(behind, { webRoot }, port);
    await pay(903, 1700);
    await connection('Live');
    await options().filter({ hasText: '1700.00 EUR' }).waitFor();
    expect(await options().count()).toBe(13);
  });

  it.each([400, 900, 1200, 1600])('fits %i pixels without scrolling sideways', async (width) => {
    await seedShop(behind.line);
    await page.setViewportSize({ width, height: 900 });
    await open();
    await options().first().click();
    await detail().locator('.recharts-scatter.before path').first().waitFor();
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    expect(overflow).toBeLessThanOrEqual(0);
  });
});

describe('the models view', () => {
  const [first, second] = ['shop-20260201T000000Z-00000001', 'shop-20260301T000000Z-00000002'];
  const by = { at: new Date(NOW_MS).toISOString(), by: 'ana', why: 'it passed' };
  beforeEach(() => {
    behind.state.models = [
      modelOf(first, { trainingRun: '1' }),
      modelOf(second, { state: 'champion', since: by.at, epoch: 2, trainingRun: '2' }),
    ];
    behind.state.changes = [
      { id: '1', kind: 'promote', version: first, replaced: null, epoch: 1, ...by },
      { id: '2', kind: 'promote', version: second, replaced: first, epoch: 2, ...by },
    ];
  });
  const openModels = async (): Promise<void> => {
    await open();
    await page.getByRole('link', { name: 'Models' }).click();
    await page.getByRole('heading', { name: 'Training runs' }).waitFor();
  };
  const runs = (): Locator => page.getByRole('list', { name: 'Training runs, newest first' }).locator('> li');
  const table = (name: string): Locator => page.getByRole('region', { name: `${name} as a table` });
  /** Nothing scrolls sideways at these widths. */
  const expectToFit = async (): Promise<void> => {
    for (const width of [420, 900, 1400]) {
      await page.setViewportSize({ width, height: 900 });
      const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
      expect([width, Math.max(0, overflow)]).toEqual([width, 0]);
    }
  };
  const rowsOf = async (name: string): Promise<string[]> =>
    (await table(name).locator('tbody tr').allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim());

  it('shows who decides, and a run from the queue to its end while one watches', async () => {
    const why = 'drift of <img src=x onerror=alert(1)>';
    behind.state.runs = [
      runOf('1', { state: 'failed', error: 'there is nothing to train on' }),
      runOf('2', { trigger: 'drift', why }),
    ];
    await openModels();
    const champion = page.getByRole('article', { name: `champion ${second}` });
    expect(await champion.innerText()).toMatch(/2 Mar 12:00 UTC, by ana[^]*1 Jan to 1 Mar, 1.27 MB[^]*training run 2/);
    expect(await rowsOf('Changes of roles')).toEqual([
      `2 Mar 12:00 promoted ${second} ${first} ana it passed`,
      `2 Mar 12:00 promoted ${first} – ana it passed`,
    ]);
    expect(await runs().nth(1).innerText()).toMatch(/failed[^]*by hand: new fraud[^]*there is nothing to train on[^]*Retry/);
    expect(await runs().first().innerText()).toMatch(/queued[^]*by drift: drift of <img src=x onerror=alert\(1\)>/);

    behind.state.runs[1] = runOf('2', { trigger: 'drift', why, state: 'running', startedAt: by.at });
    behind.state.events.push({ sequence: 1, at: by.at, step: 'rehearsal', share: 0.25, message: 'pass 3 of 12' });
    await runs().first().getByText('pass 3 of 12').waitFor();
    expect(await runs().first().getByRole('progressbar').getAttribute('aria-valuenow')).toBe('25');
    behind.state.runs[1] = runOf('2', { trigger: 'drift', why, state: 'cancelled', finishedAt: by.at, error: 'cancelled by bo' });
    await runs().first().getByText('cancelled by bo').waitFor();
    expect(await page.getByRole('progressbar').count()).toBe(0);
  });

  it('shows the report of the gate: every check, the rehearsal, the synthetic frauds', async () => {
    const report = await storedReport();
    behind.state.runs = [runOf('1', { state: 'succeeded', version: second, report: { ...report }, finishedAt: by.at })];
    await openModels();
    await page.getByRole('heading', { name: 'Training run 1 reject' }).waitFor();
    for (const reason of report.reasons) await page.getByRole('listitem').filter({ hasText: reason }).waitFor();

    const checks = await rowsOf('Checks of the gate');
    expect(checks).toHaveLength(report.gate.checks.length);
    for (const [i, { name, outcome, sentence, candidate }] of report.gate.checks.entries()) {
      expect(checks[i]!.startsWith(name)).toBe(true);
      expect(checks[i]!.endsWith(outcome.replace('-', ' '))).toBe(true);
      const [, ...asked] = sentence.split('; ');
      expect(checks[i]).toContain(asked.at(-1) ?? '');
      if (candidate && candidate.high >= 0.1)
        expect(checks[i]).toContain(`${candidate.value.toFixed(3)} ${candidate.low.toFixed(3)}`);
    }
    const against = checks.find((row) => row.startsWith('rehearsal against the champion'))!;
    expect(against).toMatch(
      /the worst of 3 scenarios is mule, detection power 0.000 0.000 to 0.000 1.000 1.000 to 1.000 -1.000 -1.000/,
    );

    // Wilson's interval of 0 and of 15 out of 15, by hand: z²/(n+z²) with z = 1.96 is 0.204.
    expect((await rowsOf('Rehearsal')).slice(-2)).toEqual([
      'mule candidate 0 % 0 to 20 never 0 % 0 to 20 never',
      'champion 100 % 80 to 100 after 4 minutes, payment 2 100 % 80 to 100 after 4 minutes, payment 2',
    ]);
    expect(await rowsOf('Synthetic frauds')).toEqual([
      'vae 18.0 % of its rows rejected ×1 0.700 0.701 +0.001 -0.020 to +0.030 0.700 0.695 -0.005 -0.018 to +0.013 not kept',
      'smote 18.0 % of its rows rejected ×4 0.700 0.740 +0.040 +0.010 to +0.070 0.700 0.730 +0.030 +0.002 to +0.060 kept',
    ]);
    await page.getByText('gan failed: its loss is no number').waitFor();
    await page.getByText('0.690 without, 0.710 with 200 synthetic rows').waitFor();
    await expectToFit();
  });

  it('asks before it changes anything, and says what came of it in the words of the service', async () => {
    const report = { verdict: 'await-approval', reasons: ['every check passed'], gate: { checks: [] } };
    behind.state.runs = [runOf('1', { state: 'succeeded', version: first, report })];
    await openModels();
    await page.getByRole('button', { name: `Promote ${first}` }).waitFor();
    expect(await page.getByRole('button', { name: `Promote ${second}` }).count()).toBe(0);
    const dialog = page.getByRole('dialog');
    const ask = (name: string): Promise<void> => page.getByRole('button', { name }).click();

    await ask('Roll back');
    await dialog.getByText(`${second} decides no longer; ${first} becomes the champion again.`).waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Roll back');
    expect(behind.state.asked).toEqual([]);

    behind.state.refusal = 'model is retired: it cannot be the champion';
    await ask('Roll back');
    await dialog.getByLabel('Your name').fill('bo');
    await dialog.getByRole('button', { name: 'Roll back' }).click();
    await dialog.getByRole('alert').filter({ hasText: behind.state.refusal }).waitFor();
    behind.state.refusal = null;
    await dialog.getByLabel('Why').fill('too many alerts');
    await dialog.getByRole('button', { name: 'Roll back' }).click();
    await page
      .getByRole('status')
      .filter({ hasText: `${first} is the champion again (epoch 3).` })
      .waitFor();
    await page.getByRole('article', { name: `champion ${first}` }).waitFor();

    await ask('Retrain now');
    await dialog.getByRole('button', { name: 'Retrain' }).click();
    await runs().first().getByText('queued').waitFor();
    expect(behind.state.asked).toMatchObject([
      { kind: 'rollback', by: 'bo', why: 'too many alerts' },
      { schema: 'shop', trigger: 'manual', by: 'bo' },
    ]);
  });

  const third = 'shop-20260302T000000Z-00000003';
  const html = '<img src=x onerror=alert(1)>';
  const cell = (a: PairCount['a'], b: PairCount['b'], truth: PairCount['truth'], rows: number): PairCount => ({
    a,
    b,
    truth,
    rows,
  });
  const flip = (id: string, rest: Partial<Flip>): Flip => ({
    transactionId: id,
    occurredAt: by.at,
    entities: { customer: 'c7', merchant: 'm3' },
    amount: null,
    currency: null,
    label: null,
    a: { outcome: 'approve', lane: null, minusLog10P: Math.log10(2), reason: null },
    b: { outcome: 'review', lane: 'S', minusLog10P: 3, reason: null },
    ...rest,
  });

  it('shows what a challenger says beside the champion, when it is asked and not before', async () => {
    behind.state.models.push(modelOf(third, { state: 'challenger', since: by.at }));
    await openModels();
    const card = page.getByRole('article', { name: `challenger ${third}` });
    const summary = card.getByText('Beside the champion');
    const beside = card.locator('details');
    await summary.waitFor();
    expect(await page.getByText('Beside the champion').count()).toBe(1);
    expect(behind.state.asked).toEqual([]);

    await summary.click();
    await beside.getByText('No row that both decided yet.').waitFor();
    expect(behind.state.asked).toEqual([[second, third, 7]]);

    const compare = behind.comparer.compare.bind(behind.comparer);
    behind.comparer.compare = () => Promise.reject(new NotStoredError(`there is no model version "${html}"`));
    await summary.click();
    await beside.getByText('No row').waitFor({ state: 'hidden' });
    await summary.click();
    await beside
      .getByRole('alert')
      .filter({ hasText: `there is no model version "${html}"` })
      .waitFor();
    behind.comparer.compare = () => new Promise(() => {});
    await summary.click();
    await summary.click();
    await beside.getByText('Loading…').waitFor();

    behind.comparer.compare = compare;
    const onlyA = flip('p1', {
      amount: '1312.50',
      currency: 'EUR',
      entities: { customer: html, merchant: 'm3' },
      label: 'legitimate',
      a: { outcome: 'decline', lane: 'D', minusLog10P: 4, reason: `unfamiliar merchant ${html}` },
      b: { outcome: 'approve', lane: null, minusLog10P: Math.log10(2), reason: null },
    });
    behind.state.pairs = {
      everyNth: 3,
      spanMs: 5 * DAY_MS,
      counts: [
        cell('review', 'approve', 'fraud', 1),
        cell('review', 'decline', 'fraud', 1),
        cell('approve', 'review', 'fraud', 4),
        cell('approve', 'approve', 'fraud', 4),
        cell('decline', 'approve', 'legitimate', 8),
        cell('approve', 'approve', 'legitimate', 976),
        cell('approve', 'approve', null, 6),
        cell('approve', null, null, 17),
      ],
      rankCorrelation: 0.91234,
      onlyA: [onlyA],
      onlyB: Array.from({ length: 7 }, (_, i) => flip(`q${i}`, {})),
    };
    await summary.click();
    await summary.click();
    await beside
      .getByText('1,000 rows, one in 3 of those that both decided, 23 Feb 12:00 to 2 Mar 12:00 UTC; 600 a day.')
      .waitFor();
    await beside.getByText('17 rows more had no calibration of one of them.').waitFor();
    // 600 rows a day at a budget of 1 %. Wilson's intervals by hand: 2 and 5 of 10, 10 and 5 of 1,000, 0 and 8 of 984, 986 of 1,000.
    expect(await rowsOf(`${third} beside the champion`)).toEqual([
      'Alerts a day budget 6.0 6.0 1.00 %, 0.54 to 1.83 3.0 0.50 %, 0.21 to 1.17',
      'Known frauds caught 2 of 10 20.0 %, 5.67 to 51.0 5 of 10 50.0 %, 23.7 to 76.3',
      'False alarms of known legitimate 8 of 984 0.81 %, 0.41 to 1.60 0 of 984 0.00 %, 0.00 to 0.39',
      'Same decision 986 of 1,000 98.6 %, 97.7 to 99.2',
      'Alerts of both 1',
      'Rank correlation 0.9123',
    ]);
    const championOnly = beside.getByRole('region', { name: 'Only the champion alerts' });
    expect((await championOnly.innerText()).replace(/\s+/g, ' ')).toBe(
      'Only the champion alerts 9 rows, known as fraud 1, as legitimate 8; below those whose p-values are furthest apart ' +
        `1312.50 EUR legitimate 2 Mar 12:00 transaction p1 · customer ${html} · merchant m3 ` +
        `champion: decline by density, 1 in 10,000; challenger: approve, 1 in 2 unfamiliar merchant ${html}`,
    );
    expect(await beside.locator('img').count()).toBe(0);
    const challengerOnly = beside.getByRole('region', { name: 'Only the challenger alerts' });
    expect(await challengerOnly.getByText('4 rows, known as fraud 4, as legitimate 0').count()).toBe(1);
    expect(await challengerOnly.getByRole('listitem').count()).toBe(5);
    expect(await challengerOnly.getByRole('listitem').first().innerText()).toContain(
      'champion: approve, 1 in 2; challenger: review by supervised, 1 in 1,000',
    );
    await expectToFit();

    behind.state.models = [modelOf(third, { state: 'challenger', since: by.at })];
    await page.reload();
    await page.getByText('No model decides yet.').waitFor();
    expect(await card.count()).toBe(1);
    expect(await summary.count()).toBe(0);
  });

  it('shows what drifts: nothing without a champion or a judged day, then alarms, findings and days', async () => {
    await page.clock.install();
    const drift = page.getByRole('region', { name: 'Drift since the champion was trained' });
    const nextLook = () => page.clock.runFor(30_000);
    await openModels();
    await drift.getByText('There is no champion: nothing is watched.').waitFor();

    const note = `${second} keeps no reference: one is made when it has served 4 whole weeks`;
    behind.state.drift = { champion: second, reference: null, note, alarms: [], report: null, days: [] };
    await nextLook();
    await drift.getByText('No day was judged yet.').waitFor();
    expect(await drift.innerText()).toContain(`${second}: not judged yet.`);
    expect(await drift.innerText()).toContain(note);
    expect(await drift.getByRole('table').count()).toBe(0);

    const finding = { kind: 'distribution', field: 'distanceKm', sentence: 'distanceKm: KS 0.090', isAlarm: false };
    const alarm = { kind: 'new-levels', field: 'category', sentence: `category: 7.1 % of the rows have ${html}`, isAlarm: true };
    behind.state.drift = {
      champion: second,
      reference: { madeFrom: 'training rows', from: '2026-01-01', to: '2026-02-25' },
      note: null,
      alarms: [{ since: '2026-02-28', ...alarm }],
      report: { findings: [alarm, finding], notJudged: ['scores: not watched'] },
      days: [
        { date: '2026-03-01', model: second, findings: 2, alarms: 1 },
        { date: '2026-02-28', model: second, findings: 1, alarms: 1 },
        { date: '2026-02-27', model: first, findings: 3, alarms: 0 },
      ],
    };
    await nextLook();
    await drift.getByText('held against training rows of 1 Jan to 25 Feb.').waitFor();
    await drift.getByText('Newest day 1 Mar: 1 alarm, 1 other finding.').waitFor();
    const alarms = drift.getByRole('list', { name: 'Alarms of drift' });
    expect(await alarms.innerText()).toBe(`new levels ${alarm.sentence} since 28 Feb`);
    expect(await drift.locator('img').count()).toBe(0);
    await drift.getByText('Not judged: scores: not watched.').waitFor();
    expect(await drift.getByText(finding.sentence).isVisible()).toBe(false);
    await drift.getByText('Other findings: 1').click();
    await drift.getByText(finding.sentence).waitFor();
    expect(await rowsOf('Drift by day')).toEqual(['findings 2 1 3', 'alarms 1 1 0', `model ${second} ${first}`]);
    const days = await table('Drift by day').locator('thead th').allInnerTexts();
    expect(days).toEqual(['Newest first', '1 Mar', '28 Feb', '27 Feb']);
    await expectToFit();

    // As far back as is asked for, and of the champion before.
    const date = (i: number): string => new Date(NOW_MS - i * DAY_MS).toISOString().slice(0, 10);
    behind.state.drift = {
      ...behind.state.drift,
      alarms: [{ since: date(14), ...alarm }],
      report: null,
      days: Array.from({ length: 14 }, (_, i) => ({ date: date(i + 1), model: first, findings: 1, alarms: 1 })),
    };
    await nextLook();
    await drift.getByText(`Newest day 1 Mar, of ${first}: 1 alarm, 0 other findings.`).waitFor();
    expect(await alarms.innerText()).toContain('since 16 Feb or before');

    behind.drift.view = () => Promise.reject(new NotStoredError('there is no drift'));
    await nextLook();
    await drift.getByRole('alert').filter({ hasText: 'there is no drift' }).waitFor();
    expect(await alarms.count()).toBe(1);
    let looks = 0;
    behind.drift.view = () => {
      looks += 1;
      return Promise.resolve(behind.state.drift);
    };
    await nextLook();
    await drift.getByRole('alert').waitFor({ state: 'hidden' });
    expect(looks).toBe(1);
    await page.getByRole('link', { name: 'Alerts' }).click();
    await drift.waitFor({ state: 'hidden' });
    await nextLook();
    await nextLook();
    expect(looks).toBe(1);
  });
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import type { Reason } from '../../src/domain/alert.js';
import { launchBrowser } from '../support/browser.js';
import { KEY, startHttp, type HttpService } from '../support/http-service.js';
import { memoryService, NOW_MS } from '../support/memory-api.js';
import { payment, seedShop } from '../support/shop-history.js';

let webRoot: string;
let browser: Browser;
let behind: ReturnType<typeof memoryService>;
let service: HttpService;
let page: Page;
let faults: string[];

beforeAll(async () => {
  webRoot = mkdtempSync(join(tmpdir(), 'surprisal-page-'));
  execFileSync(
    process.execPath,
    [resolve('node_modules/vite/bin/vite.js'), 'build', 'web', '--outDir', webRoot, '--emptyOutDir'],
    { stdio: 'pipe' },
  );
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  rmSync(webRoot, { recursive: true, force: true });
});

beforeEach(async () => {
  behind = memoryService();
  service = await startHttp(behind, { webRoot });
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

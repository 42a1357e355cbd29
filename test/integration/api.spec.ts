import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { z } from 'zod';
import * as answers from '../../src/api/answers.js';
import { openApi } from '../../src/api/openapi.js';
import { REQUESTS_AT_ONCE_MAX } from '../../src/api/request-limit.js';
import { LabelStore } from '../../src/store/label.store.js';
import { Queries } from '../../src/store/queries.js';
import { PostgresScoringStore } from '../../src/store/scoring.store.js';
import { KEY, startHttp, startMemoryHttp, type HttpService } from '../support/http-service.js';
import { memoryService, NOW_MS, SHOP_SCHEMA, shopLine } from '../support/memory-api.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

type Body = Record<string, unknown> & { detail?: string; problems?: { field: string; value: string; expected: string }[] };

let service: Awaited<ReturnType<typeof startMemoryHttp>>;
beforeEach(async () => {
  service = await startMemoryHttp();
});
afterEach(() => service.app.close());

const authorized = { Authorization: `Bearer ${KEY}` };
const get = (path: string, headers: Record<string, string> = authorized) => fetch(service.url + path, { headers });
const postText = (path: string, text: string, headers: Record<string, string> = {}) =>
  fetch(service.url + path, {
    method: 'POST',
    body: text,
    headers: { ...authorized, 'Content-Type': 'application/json', ...headers },
  });
const post = (path: string, body: unknown) => postText(path, JSON.stringify(body));
const json = async (response: Response | Promise<Response>): Promise<Body> => (await (await response).json()) as Body;
const as = async <S extends z.ZodType>(schema: S, response: Response | Promise<Response>): Promise<z.output<S>> =>
  schema.parse(await json(response));

const payment = (id: string, over: Record<string, unknown> = {}): Record<string, unknown> => ({
  id,
  occurredAt: '2026-03-02T10:00:00Z',
  customer: 'C1',
  merchant: 'M1',
  amount: '12.50',
  currency: 'EUR',
  category: 'grocery',
  ...over,
});

/** The answer is problem+json with this status; its fields are returned. */
const problem = async (response: Response | Promise<Response>, status: number): Promise<Body> => {
  const answer = await response;
  const body = answers.ProblemAnswer.parse(await answer.json()) as Body;
  expect({ status: answer.status, type: answer.headers.get('content-type'), stated: body['status'] }).toEqual({
    status,
    type: 'application/problem+json',
    stated: status,
  });
  return body;
};
const fields = (body: Body): string[] => (body.problems ?? []).map((p) => p.field);

describe('the key', () => {
  const protectedPaths = [
    '/v1/alerts',
    '/v1/alert-patterns',
    '/v1/status',
    '/v1/stream',
    '/v1/schema',
    '/v1/openapi.json',
    '/V1/Alerts',
    '/v1/alerts/',
    '/v1/dead-letters',
    '/nowhere',
  ];

  it.each(protectedPaths)('%s needs it', async (path) => {
    for (const headers of [{}, { Authorization: 'Bearer wrong' }, { Authorization: KEY }, { Authorization: `Basic ${KEY}` }]) {
      const answer = await get(path, headers);
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
      await problem(answer, 401);
    }
  });

  it('is asked for before a body is read', async () => {
    const answer = fetch(`${service.url}/v1/transactions`, { method: 'POST', body: '{' });
    await problem(answer, 401);
  });

  it('is not needed for health and the page', async () => {
    expect(await as(answers.LiveAnswer, get('/health/live', {}))).toEqual({ ok: true });
    expect(await as(answers.ReadinessAnswer, get('/health/ready', {}))).toMatchObject({ ok: true });
    expect([200, 503]).toContain((await get('/', {})).status);
    expect((await get('/assets/none.js', {})).status).toBe(404);
    expect((await get('/assets/..%2f..%2fpackage.json', {})).status).toBe(404);
  });

  it('readiness says 503 and what is missing', async () => {
    const other = await startMemoryHttp({
      readiness: () => Promise.resolve({ ok: false, checks: { model: 'no champion yet' } }),
    });
    const answer = await fetch(`${other.url}/health/ready`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ ok: false, checks: { model: 'no champion yet' } });
    await other.app.close();
  });
});

describe('POST /v1/transactions', () => {
  it('answers the decision with scores of every channel, and reasons for an alert', async () => {
    const quiet = await as(answers.DecisionAnswer, post('/v1/transactions', payment('t1')));
    expect(quiet).toMatchObject({ id: 't1', repeat: false, outcome: 'approve', alert: null });
    const loud = await as(answers.DecisionAnswer, post('/v1/transactions', payment('t2', { amount: '4200.00' })));
    expect(loud).toMatchObject({ id: 't2', outcome: 'decline', alert: { transactionId: 't2', lane: 'D' } });
    expect(loud.alert!.reasons[0]!.text).toContain('4200.00 EUR, usually');
  });

  it('is idempotent: the same content answers the first decision, in whatever spelling', async () => {
    const first = await as(answers.DecisionAnswer, post('/v1/transactions', payment('t1', { amount: '600.00' })));
    const again = await as(
      answers.DecisionAnswer,
      post('/v1/transactions', payment('t1', { amount: '600.0', occurredAt: '2026-03-02T11:00:00+01:00' })),
    );
    expect(again).toEqual({ ...first, repeat: true });
    expect(service.queries.rows).toHaveLength(1);
  });

  it('other content under a known id is 409, and the first decision stands', async () => {
    await post('/v1/transactions', payment('t1'));
    const body = await problem(post('/v1/transactions', payment('t1', { amount: '13.00' })), 409);
    expect(fields(body)).toEqual(['id']);
    expect((await json(get('/v1/transactions/t1')))['amount']).toBe('12.50');
  });

  it('decides a batch in order, repeats within it included', async () => {
    const batch = [payment('b1'), payment('b2', { amount: '900.00' }), payment('b1')];
    const { items } = await as(answers.DecisionsAnswer, post('/v1/transactions', batch));
    expect(items.map(({ id, repeat, outcome }) => [id, repeat, outcome])).toEqual([
      ['b1', false, 'approve'],
      ['b2', false, 'review'],
      ['b1', true, 'approve'],
    ]);
  });

  it('a conflict within a batch names the row; the others are decided and answered', async () => {
    await post('/v1/transactions', payment('c1'));
    const body = await problem(post('/v1/transactions', [payment('c1', { amount: '1.00' }), payment('c2')]), 409);
    expect(fields(body)).toEqual(['[0].id']);
    expect(answers.ConflictAnswer.parse(body).items!.map(({ id, outcome }) => [id, outcome])).toEqual([['c2', 'approve']]);
  });

  const bad: [string, Record<string, unknown>, string][] = [
    ['a missing field', { merchant: undefined }, 'merchant'],
    ['an extra field', { colour: 'red' }, 'colour'],
    ['a wrong type', { amount: 12.5 }, 'amount'],
    ['an amount that is not a number', { amount: 'NaN' }, 'amount'],
    ['an infinite amount', { amount: 'Infinity' }, 'amount'],
    ['an amount of 10^15', { amount: '1000000000000000.00' }, 'amount'],
    ['a time without zone', { occurredAt: '2026-03-02T10:00:00' }, 'occurredAt'],
    ['a time that does not exist', { occurredAt: '2026-02-30T10:00:00Z' }, 'occurredAt'],
    ['a time in the future', { occurredAt: '2026-03-02T13:00:01Z' }, 'occurredAt'],
    ['an empty id', { id: '' }, 'id'],
    ['a NUL in an id', { customer: 'C\u0000' }, 'customer'],
    ['a currency that is none', { currency: 'euro' }, 'currency'],
    ['a list where text belongs', { category: ['a'] }, 'category'],
  ];
  it.each(bad)('%s is 422 naming the field, its value and what was expected', async (_name, over, field) => {
    const body = await problem(post('/v1/transactions', payment('t1', over)), 422);
    expect(fields(body)).toEqual([field]);
    expect(body.problems![0]!.expected).not.toBe('');
    expect(body.detail).toContain(field);
    const inBatch = await problem(post('/v1/transactions', [payment('t0'), payment('t1', over)]), 422);
    expect(fields(inBatch)).toEqual([`[1].${field}`]);
    // Refused as a whole, and no dead letters: the caller has been told.
    expect([service.queries.rows.length, service.queries.deadLetters]).toEqual([0, 0]);
  });

  it('an unknown category and an old time are no faults', async () => {
    const body = payment('t1', { category: 'never seen before', occurredAt: '2019-01-01T00:00:00Z' });
    expect((await post('/v1/transactions', body)).status).toBe(200);
  });

  it('numbers beyond a double are refused, not silently missing', async () => {
    const text = JSON.stringify(payment('t1', { distanceKm: 1 })).replace('"distanceKm":1', '"distanceKm":1e999');
    expect(fields(await problem(postText('/v1/transactions', text), 422))).toEqual(['distanceKm']);
  });

  it.each(['{', '', 'NaN', '{"id": NaN}', '{"a":1}{"b":2}', '\u0000'])('malformed JSON %j is 400', async (text) => {
    expect(fields(await problem(postText('/v1/transactions', text), 400))).toEqual(['body']);
  });

  it('nesting without end is 400, brackets in text are not nesting', async () => {
    const deep = await problem(postText('/v1/transactions', `{"id":${'['.repeat(300_000)}${']'.repeat(300_000)}}`), 400);
    expect(deep.problems![0]!.expected).toContain('32 deep');
    expect((await post('/v1/transactions', payment('t1', { category: '"[{\\'.repeat(20) }))).status).toBe(200);
  });

  it('bytes that are not UTF-8 are 400', async () => {
    const body = Buffer.from([0x22, 0xff, 0x22]);
    const answer = fetch(`${service.url}/v1/transactions`, {
      method: 'POST',
      body,
      headers: { ...authorized, 'Content-Type': 'application/json' },
    });
    expect((await problem(answer, 400)).detail).toContain('UTF-8');
  });

  it.each([[1], ['text'], [null], [[]], [[1, 'x']], [[[]]]])('%j is no transaction: 422', async (body) => {
    await problem(post('/v1/transactions', body), 422);
  });

  it('more than 1,000 in a batch are 422', async () => {
    const body = await problem(
      post(
        '/v1/transactions',
        Array.from({ length: 1001 }, () => ({})),
      ),
      422,
    );
    expect(body.problems![0]!.expected).toContain('1000');
  });

  it('a thousand bad rows are told about their first hundred problems', async () => {
    const body = await problem(
      post(
        '/v1/transactions',
        Array.from({ length: 1000 }, () => 7),
      ),
      422,
    );
    expect(body.problems).toHaveLength(100);
  });

  it('10 MB are 413, with and without a stated length', async () => {
    const megabytes = 'x'.repeat(10 * 1024 * 1024);
    await problem(postText('/v1/transactions', megabytes), 413);
    const chunks = new Blob([megabytes]).stream();
    const chunked = fetch(`${service.url}/v1/transactions`, {
      method: 'POST',
      body: chunks,
      duplex: 'half',
      headers: { ...authorized, 'Content-Type': 'application/json' },
    });
    await problem(chunked, 413);
  });

  it('one message above 64 KiB is 422', async () => {
    await problem(post('/v1/transactions', payment('t1', { category: 'x'.repeat(70_000) })), 422);
  });

  it('another content type or an encoding is 415', async () => {
    await problem(postText('/v1/transactions', 'id=1', { 'Content-Type': 'application/x-www-form-urlencoded' }), 415);
    await problem(postText('/v1/transactions', '{}', { 'Content-Encoding': 'gzip' }), 415);
    await problem(postText('/v1/transactions', '{}', { 'Content-Type': 'application/json; charset=latin1' }), 415);
  });
});

describe('POST /v1/labels', () => {
  it('stores one or many with the service clock as the time they became known', async () => {
    await post('/v1/transactions', payment('t1'));
    expect(await as(answers.LabelsAnswer, post('/v1/labels', { transactionId: 't1', isFraud: true, source: 'analyst' }))).toEqual(
      {
        stored: 1,
        unknown: 0,
        unchanged: 0,
      },
    );
    const two = [
      { transactionId: 't1', isFraud: false },
      { transactionId: 'nobody', isFraud: true, type: 'account-takeover', knownAt: '2026-03-02T10:00:00+00:00' },
    ];
    expect(await json(post('/v1/labels', two))).toMatchObject({ stored: 2, unknown: 1 });
    const detail = await as(answers.TransactionDetailAnswer, get('/v1/transactions/t1'));
    expect(detail.labels).toEqual([
      { transactionId: 't1', isFraud: true, type: null, source: 'analyst', knownAtMs: NOW_MS },
      { transactionId: 't1', isFraud: false, type: null, source: 'api', knownAtMs: NOW_MS },
    ]);
  });

  it.each([
    [{ isFraud: true }, 'transactionId'],
    [{ transactionId: 't1', isFraud: 'yes' }, 'isFraud'],
    [{ transactionId: 't1', isFraud: 2 }, 'isFraud'],
    [{ transactionId: 't1', isFraud: true, knownAt: 'yesterday' }, 'knownAt'],
    [{ transactionId: 't1', isFraud: true, knownAt: '2026-03-03T00:00:00Z' }, 'knownAt'],
    [{ transactionId: 't1', isFraud: true, knownAt: '1969-12-31T23:59:59Z' }, 'knownAt'],
    [{ transactionId: 't1', isFraud: true, knownAt: '0001-01-01T00:00:00Z' }, 'knownAt'],
    [{ transactionId: 't1', isFraud: true, fraud: 1 }, 'fraud'],
  ])('%j is 422 naming %s', async (body, field) => {
    expect(fields(await problem(post('/v1/labels', body), 422))).toEqual([field]);
    expect(fields(await problem(post('/v1/labels', [{ transactionId: 't', isFraud: true }, body]), 422))).toEqual([
      `[1].${field}`,
    ]);
    expect(service.queries.labels).toEqual([]);
  });
});

describe('lists', () => {
  beforeEach(async () => {
    const batch = Array.from({ length: 12 }, (_, i) =>
      payment(`t${i}`, {
        amount: `${(i + 1) * 100}.00`,
        customer: `C${i % 2}`,
        occurredAt: `2026-03-01T${String(i).padStart(2, '0')}:00:00Z`,
      }),
    );
    await post('/v1/transactions', batch);
  });

  it('pages through alerts by cursor', async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: z.output<typeof answers.AlertPage> = await as(
        answers.AlertPage,
        get(`/v1/alerts?limit=3${cursor === null ? '' : `&cursor=${cursor}`}`),
      );
      seen.push(...page.items.map((item) => item.alert.transactionId));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(['t11', 't10', 't9', 't8', 't7', 't6', 't5']);
  });

  it('filters by entity, time, outcome, lane, score and decision', async () => {
    const alerts = async (query: string) =>
      (await as(answers.AlertPage, get(`/v1/alerts?${query}`))).items.map((i) => i.alert.transactionId);
    const rows = async (query: string) =>
      (await as(answers.TransactionPage, get(`/v1/transactions?${query}`))).items.map((i) => i.id);
    expect(await alerts('entity=customer:C0')).toEqual(['t10', 't8', 't6']);
    expect(await alerts('from=2026-03-01T06:00:00Z&to=2026-03-01T08:00:00Z')).toEqual(['t7', 't6']);
    expect(await alerts('outcome=review')).toEqual(['t9', 't8', 't7', 't6', 't5']);
    expect(await alerts('lane=S')).toEqual([]);
    expect(await rows('entity=customer:C1&decision=approve')).toEqual(['t3', 't1']);
    expect(await rows('score=3.5')).toEqual(['t11', 't10']);
  });

  it('counts alerts that are alike', async () => {
    const { items } = await as(answers.AlertPatternPage, get('/v1/alert-patterns?limit=5'));
    expect(items.reduce((sum, { alerts }) => sum + alerts, 0)).toBe(7);
    expect(items[0]).toMatchObject({ pattern: 'amount above usual · hour of day (UTC)', frauds: 0 });
  });

  it('one alert by its id', async () => {
    const { items } = await as(answers.AlertPage, get('/v1/alerts?limit=1'));
    expect(await as(answers.AlertViewAnswer, get(`/v1/alerts/${items[0]!.alert.id}`))).toEqual(items[0]);
  });

  it.each([
    ['/v1/alerts?limit=0', 'limit'],
    ['/v1/alerts?limit=201', 'limit'],
    ['/v1/alerts?limit=ten', 'limit'],
    ['/v1/alerts?limit=1&limit=2', 'limit'],
    ['/v1/alerts?cursor=', 'cursor'],
    ['/v1/alerts?entity=C1', 'entity'],
    ['/v1/alerts?entity=ship:C1', 'entity'],
    ['/v1/alerts?entity=customer:%00', 'entity'],
    ['/v1/alerts?from=yesterday', 'from'],
    ['/v1/alerts?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z', 'to'],
    ['/v1/alerts?outcome=approve', 'outcome'],
    ['/v1/alerts?lane=X', 'lane'],
    ['/v1/alerts?colour=red', 'colour'],
    ['/v1/alerts?newType=yes', 'newType'],
    ['/v1/alert-patterns?limit=0', 'limit'],
    ['/v1/alert-patterns?newType=1', 'newType'],
    ['/v1/alert-patterns?cursor=x', 'cursor'],
    ['/v1/alerts/seven', 'id'],
    ['/v1/transactions?score=-1', 'score'],
    ['/v1/transactions?score=NaN', 'score'],
    ['/v1/transactions?decision=maybe', 'decision'],
    ['/v1/transactions/%00', 'id'],
    ['/v1/status?x=1', 'x'],
  ])('%s is 400 naming %s', async (path, field) => {
    expect(fields(await problem(get(path), 400))).toEqual([field]);
  });

  it('an address that is no text is 400, an id with a slash is an id', async () => {
    for (const path of ['/v1/transactions/%zz', '/v1/alerts/%E0%A4%A', '/nowhere/%E0%A4%A?limit=1']) {
      const body = await problem(get(path), 400);
      expect(body.problems).toEqual([{ field: 'path', value: path.split('?')[0], expected: 'percent-encoded UTF-8' }]);
    }
    await post('/v1/transactions', payment('a/b'));
    expect((await json(get('/v1/transactions/a%2Fb')))['id']).toBe('a/b');
  });

  it.each(['/v1/alerts/3d2c6d9e-8f0e-5c44-9a57-000000000000', '/v1/transactions/none', '/v1/nothing'])(
    '%s is 404',
    async (path) => {
      await problem(get(path), 404);
    },
  );
});

describe('the live stream', () => {
  interface Event {
    readonly id?: string;
    readonly event: string;
    readonly data: unknown;
  }

  /** Reads until `enough`, then leaves. */
  const listen = async (
    headers: Record<string, string>,
    enough: (events: Event[]) => boolean,
    started?: () => Promise<unknown>,
  ): Promise<Event[]> => {
    const abort = new AbortController();
    const answer = await fetch(`${service.url}/v1/stream`, { headers: { ...authorized, ...headers }, signal: abort.signal });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    await started?.();
    const events: Event[] = [];
    let text = '';
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) {
        const lines = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
        if (lines['event'] !== undefined)
          events.push({
            event: lines['event'],
            data: JSON.parse(lines['data']!) as unknown,
            ...(lines['id'] !== undefined && { id: lines['id'] }),
          });
      }
      if (enough(events)) break;
    }
    abort.abort();
    return events;
  };
  const alertIds = (events: Event[]): string[] =>
    events.filter((e) => e.event === 'alert').map((e) => answers.AlertViewAnswer.parse(e.data).alert.transactionId);

  it('sends status at once and every second, and new alerts as they arrive', async () => {
    await post('/v1/transactions', payment('old', { amount: '700.00' }));
    const enough = (events: Event[]) => alertIds(events).length >= 1 && events.filter((e) => e.event === 'status').length >= 2;
    const events = await listen({}, enough, () => post('/v1/transactions', payment('new', { amount: '800.00' })));
    expect(alertIds(events)).toEqual(['new']);
    answers.StatusAnswer.parse(events.find((e) => e.event === 'status')!.data);
  });

  it('resumes after Last-Event-ID', async () => {
    await post(
      '/v1/transactions',
      ['a', 'b', 'c'].map((id) => payment(id, { amount: '700.00' })),
    );
    const events = await listen({ 'Last-Event-ID': '1' }, (seen) => alertIds(seen).length >= 2);
    expect(events.filter((e) => e.event === 'alert').map((e) => e.id)).toEqual(['2', '3']);
    expect(alertIds(events)).toEqual(['b', 'c']);
  });

  it('refuses an id that is none', async () => {
    const body = await problem(get('/v1/stream', { ...authorized, 'Last-Event-ID': 'abc' }), 400);
    expect(fields(body)).toEqual(['Last-Event-ID']);
  });

  it('serves 32 at once and tells the next to wait; closing the service ends them', async () => {
    const open = await Promise.all(Array.from({ length: 32 }, () => get('/v1/stream')));
    const refused = await get('/v1/stream');
    expect(refused.headers.get('retry-after')).toBe('5');
    await problem(refused, 503);
    const ends = Promise.all(open.map((answer) => answer.text().catch(() => 'cut off')));
    await service.app.close();
    await ends;
    service = await startMemoryHttp();
  });
});

describe('the service', () => {
  it('bounds what it answers at once', async () => {
    const behind = memoryService();
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let waiting = 0;
    const status = behind.queries.status.bind(behind.queries);
    behind.queries.status = async () => {
      waiting += 1;
      await gate;
      return status();
    };
    const slow = await startHttp(behind);
    const ask = () => fetch(`${slow.url}/v1/status`, { headers: authorized });
    const held = Array.from({ length: REQUESTS_AT_ONCE_MAX }, ask);
    while (waiting < REQUESTS_AT_ONCE_MAX) await new Promise((resolve) => setTimeout(resolve, 10));
    try {
      const refused = await ask();
      expect(refused.headers.get('retry-after')).toBe('1');
      await problem(refused, 503);
      expect((await fetch(`${slow.url}/health/live`)).status).toBe(200);
    } finally {
      release();
    }
    expect((await Promise.all(held)).map((answer) => answer.status)).toEqual(held.map(() => 200));
    expect((await ask()).status).toBe(200);
    await slow.app.close();
  });

  it('tells nobody outside why it failed', async () => {
    service.queries.status = () => Promise.reject(new Error('secret connection string'));
    service.app.useLogger(false);
    const body = await problem(get('/v1/status'), 500);
    expect(JSON.stringify(body)).not.toContain('secret');
  });

  it('a client that leaves in the middle of a body frees its place', async () => {
    for (let i = 0; i < REQUESTS_AT_ONCE_MAX + 1; i += 1)
      await new Promise<void>((resolve) => {
        const client = httpRequest(`${service.url}/v1/labels`, {
          method: 'POST',
          headers: { ...authorized, 'Content-Type': 'application/json', 'Content-Length': 1000 },
        });
        client.on('error', () => undefined);
        client.on('close', () => resolve());
        client.write('{', () => client.destroy());
      });
    expect((await get('/v1/status')).status).toBe(200);
  });

  it('says what a transaction is', async () => {
    expect(await json(get('/v1/schema'))).toMatchObject({ name: 'shop', id: 'id' });
  });

  it('sends a content security policy with everything', async () => {
    for (const path of ['/', '/v1/status', '/nowhere']) {
      const { headers } = await get(path);
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });
});

describe('the API document', () => {
  it('is served as committed in docs/openapi.json', async () => {
    const committed = readFileSync('docs/openapi.json', 'utf8');
    expect(`${JSON.stringify(openApi(), null, 2)}\n`).toBe(committed);
    expect(await json(get('/v1/openapi.json'))).toEqual(JSON.parse(committed));
  });

  it('has no reference that leads nowhere', () => {
    const document = openApi() as { components: { schemas: Record<string, unknown> } };
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!);
    expect(references.length).toBeGreaterThan(20);
    const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect(references.filter((reference) => !known.includes(reference))).toEqual([]);
  });

  it('says that a conflict in a batch carries the decisions of the other rows', () => {
    const document = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
      paths: Record<string, Record<string, { responses: Record<string, { description: string; content: unknown }> }>>;
      components: { schemas: Record<string, { properties: Record<string, unknown> }> };
    };
    const conflict = document.paths['/v1/transactions']!['post']!.responses['409']!;
    expect(conflict.content).toEqual({ 'application/problem+json': { schema: { $ref: '#/components/schemas/Conflict' } } });
    expect(document.components.schemas['Conflict']!.properties['items']).toMatchObject({
      type: 'array',
      items: { $ref: '#/components/schemas/Decision' },
    });
  });
});

describe('over a real PostgreSQL', () => {
  let postgres: TestPostgres;
  let stored: HttpService;
  /** A clock that never shows the same time twice. */
  let nowMs: number;
  beforeAll(async () => {
    postgres = await startTestPostgres();
  });
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    const source = await postgres.createDataSource();
    const line = shopLine(new PostgresScoringStore(source, SHOP_SCHEMA));
    const labels = new LabelStore(source, SHOP_SCHEMA);
    nowMs = NOW_MS;
    stored = await startHttp({ line, queries: new Queries(source, SHOP_SCHEMA), labels }, { now: () => ++nowMs });
  });
  afterEach(() => stored.app.close());
  const at = (path: string, body?: unknown) =>
    fetch(stored.url + path, {
      headers: { ...authorized, 'Content-Type': 'application/json' },
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    });

  it('a repeat answers the first decision to the letter, a conflict 409, each within a batch too', async () => {
    const first = await as(
      answers.DecisionAnswer,
      at('/v1/transactions', payment('t1', { amount: '4200.00', distanceKm: 3.25 })),
    );
    const again = await as(answers.DecisionAnswer, at('/v1/transactions', payment('t1', { amount: '4200.0', distanceKm: 3.25 })));
    expect(again).toEqual({ ...first, repeat: true });
    await problem(at('/v1/transactions', payment('t1')), 409);
    const { items } = await as(
      answers.DecisionsAnswer,
      at('/v1/transactions', [payment('t1', { amount: '4200.00', distanceKm: 3.25 }), payment('t2')]),
    );
    expect(items.map(({ id, repeat }) => [id, repeat])).toEqual([
      ['t1', true],
      ['t2', false],
    ]);
  });

  it('the same id sent ten times at once is decided once', async () => {
    const all = await Promise.all(
      Array.from({ length: 10 }, () => as(answers.DecisionAnswer, at('/v1/transactions', payment('race', { amount: '999.00' })))),
    );
    expect(all.filter(({ repeat }) => !repeat)).toHaveLength(1);
    expect(new Set(all.map(({ alert }) => alert!.id)).size).toBe(1);
    expect((await as(answers.StatusAnswer, at('/v1/status'))).transactions).toBe(1);
  });

  it('lists, details, labels and status have the documented form', async () => {
    const batch = Array.from({ length: 9 }, (_, i) => payment(`p${i}`, { amount: `${100 + 150 * i}.00`, customer: `C${i % 2}` }));
    await as(answers.DecisionsAnswer, at('/v1/transactions', batch));
    const ids: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: z.output<typeof answers.TransactionPage> = await as(
        answers.TransactionPage,
        at(`/v1/transactions?limit=4&entity=customer:C0${cursor === '' ? '' : `&cursor=${cursor}`}`),
      );
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(ids.sort()).toEqual(['p0', 'p2', 'p4', 'p6', 'p8']);
    expect(await as(answers.LabelsAnswer, at('/v1/labels', { transactionId: 'p8', isFraud: true }))).toEqual({
      stored: 1,
      unknown: 0,
      unchanged: 0,
    });
    const alerts = await as(answers.AlertPage, at('/v1/alerts?outcome=decline'));
    expect(alerts.items.map(({ alert, label }) => [alert.transactionId, label])).toEqual([
      ['p8', 'fraud'],
      ['p7', null],
    ]);
    expect(await as(answers.AlertViewAnswer, at(`/v1/alerts/${alerts.items[0]!.alert.id}`))).toEqual(alerts.items[0]);
    const detail = await as(answers.TransactionDetailAnswer, at('/v1/transactions/p8'));
    expect(detail.labels).toHaveLength(1);
    expect(detail.alert).toEqual(alerts.items[0]!.alert);
    expect(await as(answers.StatusAnswer, at('/v1/status'))).toMatchObject({
      transactions: 9,
      alerts: alerts.items.length + 4,
      deadLetters: 0,
    });
  });

  it('dead letters are listed newest first, without their bytes', async () => {
    for (const id of ['t1', 't2', 't3']) await at('/v1/transactions', payment(id));
    const from = new Date(Date.now() - 60_000).toISOString();
    for (const id of ['t1', 't2', 't3']) await problem(at('/v1/transactions', payment(id, { amount: '1.00' })), 409);
    const page = await as(answers.DeadLetterPage, at(`/v1/dead-letters?limit=2&from=${from}`));
    expect(page.items.map(({ reason }) => reason)).toEqual([
      'id: t3 is not new: it was seen before with other content',
      'id: t2 is not new: it was seen before with other content',
    ]);
    expect(page.items[0]).toMatchObject({
      position: expect.stringMatching(/^http\/[0-9a-f-]{36}\/0$/) as string,
      retriedAt: null,
    });
    expect(page.items[0]!.size).toBe(Buffer.byteLength(JSON.stringify(payment('t3', { amount: '1.00' }))));
    const rest = await as(answers.DeadLetterPage, at(`/v1/dead-letters?limit=2&cursor=${page.nextCursor}`));
    expect(rest).toMatchObject({ items: [{ reason: expect.stringContaining('id: t1') as string }], nextCursor: null });
    expect((await as(answers.DeadLetterPage, at('/v1/dead-letters?reason=ID:%20T2'))).items).toHaveLength(1);
    expect((await as(answers.DeadLetterPage, at(`/v1/dead-letters?to=${from}`))).items).toEqual([]);
    for (const wrong of ['limit=0', 'cursor=x', 'reason=', 'from=yesterday', 'entity=customer:C1', `from=${from}&to=${from}`])
      await problem(at(`/v1/dead-letters?${wrong}`), 400);
  });

  it('a label cannot be known before its transaction happened; of one nobody knows yet any past time may be', async () => {
    await at('/v1/transactions', payment('t1'));
    const early = { transactionId: 't1', isFraud: true, knownAt: '2026-03-02T09:59:59.999Z' };
    const one = await problem(at('/v1/labels', early), 422);
    expect(one.problems).toEqual([
      { field: 'knownAt', value: early.knownAt, expected: 'a time from that of transaction t1 on (2026-03-02T10:00:00.000Z)' },
    ]);
    const unknown = { ...early, transactionId: 'nobody' };
    expect(fields(await problem(at('/v1/labels', [unknown, early]), 422))).toEqual(['[1].knownAt']);
    // Refused as a whole.
    expect(await json(at('/v1/labels', unknown))).toEqual({ stored: 1, unknown: 1, unchanged: 0 });
    const inTime = { ...early, knownAt: '2026-03-02T11:00:00+01:00' };
    expect(await json(at('/v1/labels', inTime))).toEqual({ stored: 1, unknown: 0, unchanged: 0 });
    // A transaction may be a little ahead of the service's clock; a label without a time is then no mistake.
    await at('/v1/transactions', payment('ahead', { occurredAt: '2026-03-02T12:30:00Z' }));
    expect(await json(at('/v1/labels', { transactionId: 'ahead', isFraud: true }))).toMatchObject({ stored: 1 });
  });

  it('a label without a time that says what its source said last is not stored again', async () => {
    await at('/v1/transactions', payment('t1'));
    const stored = { stored: 1, unknown: 0, unchanged: 0 };
    const unchanged = { stored: 0, unknown: 0, unchanged: 1 };
    const say = (label: Record<string, unknown>) => json(at('/v1/labels', { transactionId: 't1', isFraud: true, ...label }));
    expect(await say({})).toEqual(stored);
    expect(await say({})).toEqual(unchanged);
    expect(await say({ source: 'analyst' })).toEqual(stored);
    expect(await say({ type: 'stolen-card' })).toEqual(stored);
    expect(await say({ isFraud: false })).toEqual(stored);
    expect(await say({ isFraud: false })).toEqual(unchanged);
    expect(await say({})).toEqual(stored);
    expect(await say({ source: 'analyst' })).toEqual(unchanged);
    expect(await say({ knownAt: '2026-03-02T11:00:00Z' })).toEqual(stored);
    expect(await say({ knownAt: '2026-03-02T11:00:00Z' })).toEqual(unchanged);
    // A label known earlier, but stored later, is not the newest.
    expect(await say({ knownAt: '2026-03-02T11:30:00Z', isFraud: false })).toEqual(stored);
    expect(await say({})).toEqual(unchanged);
    expect(await say({ transactionId: 'nobody' })).toEqual({ ...stored, unknown: 1 });
    expect(await say({ transactionId: 'nobody' })).toEqual(unchanged);
    const batch = [
      { transactionId: 't1', isFraud: true },
      { transactionId: 't2', isFraud: true },
      { transactionId: 't2', isFraud: true },
    ];
    expect(await json(at('/v1/labels', batch))).toEqual({ stored: 1, unknown: 1, unchanged: 2 });
    const detail = await as(answers.TransactionDetailAnswer, at('/v1/transactions/t1'));
    expect(detail.labels).toHaveLength(7);
  });

  it('the same label sent ten times at once is stored once', async () => {
    const label = { transactionId: 'race', isFraud: true };
    const sums = await Promise.all(Array.from({ length: 10 }, () => as(answers.LabelsAnswer, at('/v1/labels', label))));
    expect(sums.filter(({ stored }) => stored === 1)).toHaveLength(1);
    expect(sums.filter(({ unchanged }) => unchanged === 1)).toHaveLength(9);
  });

  it('a cursor of another list or of nobody is 400', async () => {
    await at(
      '/v1/transactions',
      ['a', 'b'].map((id) => payment(id)),
    );
    const { nextCursor } = await as(answers.TransactionPage, at('/v1/transactions?limit=1'));
    for (const path of [`/v1/alerts?cursor=${nextCursor}`, '/v1/transactions?cursor=AAAA'])
      expect(fields(await problem(at(path), 400))).toEqual(['cursor']);
  });

  it('refuses what PostgreSQL cannot hold before it gets there', async () => {
    await problem(at('/v1/transactions/%00'), 400);
    await problem(at('/v1/labels', { transactionId: 'a\u0000', isFraud: true }), 422);
    await problem(at('/v1/labels', { transactionId: 'a', isFraud: true, type: '\ud800' }), 422);
    for (const over of [{ customer: '\u0000' }, { customer: '\ud800' }, { category: 'a\u0000' }])
      await problem(at('/v1/transactions', payment('t', over)), 422);
  });
});

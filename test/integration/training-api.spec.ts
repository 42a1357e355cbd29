import type { DataSource } from 'typeorm';
import type { z } from 'zod';
import { ProblemAnswer } from '../../src/api/answers.js';
import { openApi } from '../../src/api/openapi.js';
import * as answers from '../../src/api/training-answers.js';
import { ModelRegistry } from '../../src/store/model-registry.js';
import { PostgresModelStore } from '../../src/store/model.store.js';
import { PostgresTrainingRunStore } from '../../src/store/training-run.store.js';
import { KEY, startHttp, type HttpService } from '../support/http-service.js';
import { eventually } from '../support/kafka.js';
import { memoryService } from '../support/memory-api.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

let postgres: TestPostgres;
let source: DataSource;
let runs: PostgresTrainingRunStore;
let service: HttpService;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  source = await postgres.createDataSource();
  runs = new PostgresTrainingRunStore(source);
  const models = new PostgresModelStore(source);
  for (const [i, name] of ['m1', 'm2', 'm3'].entries())
    await models.save(
      { version: name, schema: 'shop', featureSet: 'f', checksum: name, trainedAtMs: i, report: { ap: 0.5 } },
      Buffer.from(name),
    );
  const elsewhere = { version: 'x1', schema: 'other', featureSet: 'f', checksum: 'x1', trainedAtMs: 0, report: {} };
  await models.save(elsewhere, Buffer.from('x1'));
  service = await startHttp({ ...memoryService(), runs, registry: new ModelRegistry(source, models) });
});
afterEach(() => service.app.close());

const authorized = { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' };
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(service.url + path, { headers: { ...authorized, ...headers } });
const post = (path: string, body: unknown = {}) =>
  fetch(service.url + path, { method: 'POST', headers: authorized, body: JSON.stringify(body) });
const as = async <S extends z.ZodType>(schema: S, answer: Promise<Response>, status = 200): Promise<z.output<S>> => {
  const response = await answer;
  const body: unknown = await response.json();
  expect({ status: response.status, body }).toMatchObject({ status });
  return schema.parse(body);
};
const problem = async (answer: Promise<Response>, status: number): Promise<string> => {
  const body = await as(ProblemAnswer, answer, status);
  expect(body.status).toBe(status);
  return body.detail;
};

describe('every path', () => {
  const paths = Object.entries(openApi()['paths'] as Record<string, object>)
    .filter(([path]) => /^\/v1\/(models|training-runs)/.test(path))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => [method, path.replace(/\{\w+\}/g, '1')]));

  it('is in the document and needs the key', async () => {
    expect(paths).toHaveLength(15);
    for (const [method, path] of paths) {
      const answer = await fetch(service.url + path!, { method: method!, headers: { 'Content-Type': 'application/json' } });
      expect([path, answer.status]).toEqual([path, 401]);
    }
  });

  it('names what is wrong in a body, a number or a parameter', async () => {
    for (const [method, path] of paths)
      if (method === 'post') expect(await problem(post(path!, { colour: 1 }), 422)).toContain('colour');
      else expect(await problem(get(`${path!}?colour=1`), 400)).toContain('colour');
    expect(await problem(get('/v1/training-runs/x'), 400)).toContain('the number of a training run');
    expect(await problem(get('/v1/training-runs?state=lazy'), 400)).toContain('one of queued, running');
    expect(await problem(get('/v1/models?state=lazy'), 400)).toContain('one of candidate, challenger');
    expect(await problem(get('/v1/models?cursor=x'), 400)).toContain('cursor');
    expect(await problem(get('/v1/training-runs/1/events', { 'Last-Event-ID': 'x' }), 400)).toContain('Last-Event-ID');
    expect(await problem(post('/v1/training-runs', { seed: -1 }), 422)).toContain('seed: -1');
    expect(await problem(post('/v1/training-runs', { by: '' }), 422)).toContain('by');
    expect(await problem(post('/v1/models/m1/promote', { expectedEpoch: 1.5 }), 422)).toContain('expectedEpoch');
  });
});

describe('training runs', () => {
  it('are asked for, listed, cancelled and retried', async () => {
    const run = await as(answers.TrainingRunAnswer, post('/v1/training-runs', { by: 'ana', why: 'new fraud', seed: 9 }), 202);
    expect(run).toMatchObject({
      schema: 'shop',
      trigger: 'manual',
      state: 'queued',
      requestedBy: 'ana',
      why: 'new fraud',
      seed: 9,
    });
    expect(await as(answers.TrainingRunAnswer, post('/v1/training-runs', { by: 'bo' }), 200)).toEqual(run);
    expect(await as(answers.TrainingRunAnswer, get(`/v1/training-runs/${run.id}`))).toEqual(run);
    expect((await as(answers.TrainingRunPage, get('/v1/training-runs?state=queued&trigger=manual&limit=1'))).items).toEqual([
      run,
    ]);
    const cancelled = await as(answers.TrainingRunAnswer, post(`/v1/training-runs/${run.id}/cancel`, { by: 'ana' }));
    expect(cancelled).toMatchObject({ state: 'cancelled', error: 'cancelled by ana' });
    expect(await problem(post(`/v1/training-runs/${run.id}/cancel`), 409)).toContain('was cancelled');
    const again = await as(answers.TrainingRunAnswer, post(`/v1/training-runs/${run.id}/retry`, { by: 'ana' }), 202);
    expect(again).toMatchObject({ retryOf: run.id, state: 'queued', seed: 9 });
    expect(await problem(post(`/v1/training-runs/${again.id}/retry`), 409)).toContain('waits');
  });

  it('of another schema or of nobody are not there', async () => {
    const { run } = await runs.enqueue({ schema: 'other', trigger: 'manual', by: 'x', why: '' });
    for (const id of [run.id, '99']) {
      for (const path of ['', '/events'])
        expect(await problem(get(`/v1/training-runs/${id}${path}`), 404)).toContain('no training run');
      for (const path of ['/cancel', '/retry'])
        expect(await problem(post(`/v1/training-runs/${id}${path}`), 404)).toContain('no training run');
    }
    expect((await as(answers.TrainingRunPage, get('/v1/training-runs'))).items).toEqual([]);
  });
});

describe('the stream of a run', () => {
  interface Received {
    readonly event: string;
    readonly id: string | undefined;
    readonly data: unknown;
  }
  /** Reads until the stream ends. */
  const follow = async (path: string, headers: Record<string, string>, received: Received[]): Promise<void> => {
    const response = await get(path, headers);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (text + chunk).split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) {
        const lines = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
        if (lines['event']) received.push({ event: lines['event'], id: lines['id'], data: JSON.parse(lines['data']!) });
      }
    }
  };
  const shapes = (received: readonly Received[]): unknown[] =>
    received.map(({ event, id, data }) =>
      event === 'run' ? answers.TrainingRunAnswer.parse(data).state : [id, answers.TrainingEventAnswer.parse(data).message],
    );

  it('tells states and progress in order, resumes, and ends with the run', async () => {
    const { run } = await runs.enqueue({ schema: 'shop', trigger: 'manual', by: 'x', why: '' });
    const path = `/v1/training-runs/${run.id}/events`;
    const received: Received[] = [];
    const ended = follow(path, {}, received);
    await eventually('the queued run', () => received.length === 1);
    const { claim } = (await runs.claim('shop', 'trainer'))!;
    await eventually('the running run', () => received.length === 2);
    for (const message of ['one', 'two', 'three']) await runs.event(claim, { step: 'fit', share: 0.5, message });
    await eventually('its progress', () => received.length === 5);
    await runs.event(claim, { step: 'gate', share: 1, message: 'last' });
    await runs.finish(claim, { state: 'succeeded', version: 'm1', report: { verdict: 'promote' } });
    await ended;
    const all = ['queued', 'running', ['1', 'one'], ['2', 'two'], ['3', 'three'], ['4', 'last'], 'succeeded'];
    expect(shapes(received)).toEqual(all);
    const resumed: Received[] = [];
    await follow(path, { 'Last-Event-ID': '2' }, resumed);
    expect(shapes(resumed)).toEqual([['3', 'three'], ['4', 'last'], 'succeeded']);
  });

  it('ends when the service does', async () => {
    const { run } = await runs.enqueue({ schema: 'shop', trigger: 'manual', by: 'x', why: '' });
    const received: Received[] = [];
    const ended = follow(`/v1/training-runs/${run.id}/events`, {}, received);
    await eventually('the stream', () => received.length === 1);
    await service.app.close();
    await ended.catch(() => undefined);
    service = await startHttp(memoryService());
  });
});

describe('models', () => {
  it('are listed and shown with their reports and what became of them', async () => {
    await as(answers.RoleChangeAnswer, post('/v1/models/m1/promote', { by: 'ana', why: 'first', expectedEpoch: 0 }));
    const page = await as(answers.ModelPage, get('/v1/models?limit=2'));
    expect(page.items.map(({ version, state }) => [version, state])).toEqual([
      ['m3', 'candidate'],
      ['m2', 'candidate'],
    ]);
    const rest = await as(answers.ModelPage, get(`/v1/models?cursor=${page.nextCursor}`));
    expect(rest).toMatchObject({ items: [{ version: 'm1', state: 'champion', epoch: 1 }], nextCursor: null });
    expect((await as(answers.ModelPage, get('/v1/models?state=champion'))).items).toHaveLength(1);
    const shown = await as(answers.ModelDetailAnswer, get('/v1/models/m1'));
    expect(shown).toMatchObject({ report: { ap: 0.5 }, gate: null, changes: [{ kind: 'promote', by: 'ana', why: 'first' }] });
  });

  it('change roles, and say why they do not', async () => {
    for (const version of ['m1', 'm2']) await as(answers.RoleChangeAnswer, post(`/v1/models/${version}/promote`));
    expect(await problem(post('/v1/models/m3/promote', { expectedEpoch: 1 }), 409)).toContain('m2 of epoch 2, not epoch 1');
    const back = await as(answers.RoleChangeAnswer, post('/v1/models/rollback', { by: 'bo' }));
    expect(back).toMatchObject({ kind: 'rollback', version: 'm1', replaced: 'm2', by: 'bo', epoch: 3 });
    expect(await problem(post('/v1/models/rollback'), 409)).toContain('no champion came before m1');
    const log = await as(answers.RoleChangePage, get('/v1/models/changes?limit=2'));
    expect(log.items.map(({ kind, version }) => [kind, version])).toEqual([
      ['rollback', 'm1'],
      ['promote', 'm2'],
    ]);
    await as(answers.RoleChangeAnswer, post('/v1/models/m3/challenge'));
    expect((await as(answers.ModelDetailAnswer, get('/v1/models/m3'))).state).toBe('challenger');
    await as(answers.RoleChangeAnswer, post('/v1/models/m3/relieve'));
    expect(await problem(post('/v1/models/m3/relieve'), 409)).toContain('no challenger');
    expect(await problem(post('/v1/models/m1/retire'), 409)).toContain('is the champion');
    await as(answers.RoleChangeAnswer, post('/v1/models/m3/retire', { dropArtifact: true }));
    expect(await as(answers.ModelDetailAnswer, get('/v1/models/m3'))).toMatchObject({ state: 'retired', artifactBytes: null });
    expect(await problem(post('/v1/models/m3/promote'), 409)).toContain('its artifact was dropped');
  });

  it('of another schema or of nobody are not there', async () => {
    for (const version of ['x1', 'none', '\u00e4']) {
      expect(await problem(get(`/v1/models/${version}`), 404)).toContain('no model version');
      for (const change of ['promote', 'challenge', 'relieve', 'retire'])
        expect(await problem(post(`/v1/models/${version}/${change}`), 404)).toContain('no model version');
    }
    expect(await problem(post('/v1/models/rollback'), 409)).toContain('has no champion');
  });
});

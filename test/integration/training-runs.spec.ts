import type { DataSource } from 'typeorm';
import { retire } from '../../src/store/retention.js';
import { NotStoredError, StateConflictError } from '../../src/store/state-conflict.js';
import { PostgresTrainingRunStore } from '../../src/store/training-run.store.js';
import type { TrainingRequest } from '../../src/training/ports.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

let postgres: TestPostgres;
let source: DataSource;
let store: PostgresTrainingRunStore;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
beforeEach(async () => {
  source = await postgres.createDataSource();
  store = new PostgresTrainingRunStore(source, 5);
});
afterAll(() => postgres.stop());

const request = (over: Partial<TrainingRequest> = {}): TrainingRequest => ({
  schema: 's',
  trigger: 'manual',
  by: 'ana',
  why: 'a try',
  ...over,
});
/** The last sign of life is so much older. */
const silence = (id: string, ms: number): Promise<unknown> =>
  source.query(`UPDATE training_runs SET heartbeat_at = heartbeat_at - $2 * interval '1 millisecond' WHERE id = $1`, [id, ms]);

describe('a request', () => {
  it('waits as a row; asking again answers it, another trigger and another schema have their own', async () => {
    const { run, isNew } = await store.enqueue(request({ settings: { augment: true } }));
    expect(isNew).toBe(true);
    expect(run).toMatchObject({ state: 'queued', requestedBy: 'ana', why: 'a try', attempt: 1, settings: { augment: true } });
    expect(run).toMatchObject({ seed: Number(run.id), holder: null, data: null, report: null, version: null, error: null });
    expect(Math.abs(Date.parse(run.requestedAt) - Date.now())).toBeLessThan(60_000);
    expect(await store.enqueue(request({ by: 'bo' }))).toEqual({ run, isNew: false });
    expect((await store.enqueue(request({ trigger: 'drift', seed: 7 }))).run).toMatchObject({ seed: 7 });
    expect((await store.enqueue(request({ schema: 'other' }))).isNew).toBe(true);
    const page = await store.list({ schema: 's', limit: 1 });
    expect(page.items.map(({ trigger }) => trigger)).toEqual(['drift']);
    expect((await store.list({ schema: 's', limit: 1, cursor: page.nextCursor! })).items).toEqual([run]);
    expect((await store.list({ trigger: 'drift', state: 'queued', limit: 9 })).items).toHaveLength(1);
    await expect(store.list({ limit: 9, cursor: 'bm9uc2Vuc2U' })).rejects.toThrow('cursor');
  });

  it('asked for twenty times at once is one', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => store.enqueue(request())));
    expect(new Set(all.map(({ run }) => run.id)).size).toBe(1);
    expect(all.filter(({ isNew }) => isNew)).toHaveLength(1);
  });

  it('for a later time of the schedule moves the one that waits', async () => {
    await store.enqueue(request({ trigger: 'schedule', dueAtMs: 1_000 }));
    const { run } = await store.enqueue(request({ trigger: 'schedule', dueAtMs: 2_000 }));
    expect(run.dueAt).toBe('1970-01-01T00:00:02.000Z');
    expect((await store.enqueue(request({ trigger: 'schedule', dueAtMs: 500 }))).run.dueAt).toBe('1970-01-01T00:00:02.000Z');
  });
});

describe('a claim', () => {
  it('goes to one of many, and the next only after the end of the first', async () => {
    await store.enqueue(request());
    await store.enqueue(request({ trigger: 'drift' }));
    const claims = await Promise.all(Array.from({ length: 12 }, (_, i) => store.claim('s', `holder ${i}`)));
    const got = claims.filter((claim) => claim !== null);
    expect(got).toHaveLength(1);
    expect(got[0]!.run).toMatchObject({ state: 'running', trigger: 'manual' });
    expect(await store.claim('s', 'another')).toBeNull();
    expect(await store.claim('other', 'another')).toBeNull();
    expect(await store.finish(got[0]!.claim, { state: 'succeeded', version: 'v1', report: { ap: 0.5 } })).toBe(true);
    const next = await store.claim('s', 'another');
    expect(next!.run).toMatchObject({ trigger: 'drift' });
    expect(Number(next!.claim.epoch)).toBeGreaterThan(Number(got[0]!.claim.epoch));
    expect(await store.run(got[0]!.claim.id)).toMatchObject({ state: 'succeeded', version: 'v1', report: { ap: 0.5 } });
  });

  it('is refused by the database itself where a program would run two', async () => {
    await store.enqueue(request());
    await store.enqueue(request({ trigger: 'drift' }));
    await expect(source.query(`UPDATE training_runs SET state = 'running'`)).rejects.toThrow('training_runs_running');
  });

  it('says what it trains on and how far it is; of very many events the newest stay', async () => {
    await store.enqueue(request());
    const { claim } = (await store.claim('s', 'h'))!;
    expect(await store.data(claim, { fromMs: 0, toMs: 86_400_000, hash: 'abc' })).toBe(true);
    for (let i = 1; i <= 8; i += 1)
      expect(await store.event(claim, { step: 'fit', share: i / 4, message: `row ${i}\u0000` })).toBe(true);
    expect((await store.run(claim.id))!.data).toEqual({
      from: '1970-01-01T00:00:00.000Z',
      to: '1970-01-02T00:00:00.000Z',
      hash: 'abc',
    });
    const events = await store.eventsAfter(claim.id, 0, 100);
    expect(events.map(({ sequence, share, message }) => [sequence, share, message])).toEqual([
      [4, 1, 'row 4\ufffd'],
      [5, 1, 'row 5\ufffd'],
      [6, 1, 'row 6\ufffd'],
      [7, 1, 'row 7\ufffd'],
      [8, 1, 'row 8\ufffd'],
    ]);
    expect((await store.eventsAfter(claim.id, 6, 1)).map(({ sequence }) => sequence)).toEqual([7]);
    await source.query(`UPDATE training_events SET at = at - interval '10 days' WHERE sequence < 7`);
    const days = { transactions: 1, evidence: 95, shadow: 1, published: 1, deadLetters: 1, trainingEvents: 9 };
    expect(await retire(source, days, Date.now())).toEqual({ partitions: [], rows: 3 });
    expect(await store.eventsAfter(claim.id, 0, 100)).toHaveLength(2);
  });
});

describe('a lost run', () => {
  it('is found by its silence and waits again, up to so many attempts; its holder, once awake, changes nothing', async () => {
    await store.enqueue(request({ seed: 5, settings: { a: 1 } }));
    const frozen = (await store.claim('s', 'frozen'))!;
    expect(await store.markLost('s', 60_000, 2)).toEqual([]);
    await silence(frozen.claim.id, 61_000);
    expect(await store.markLost('other', 60_000, 2)).toEqual([]);
    const [lost] = await store.markLost('s', 60_000, 2);
    expect(lost!.run).toMatchObject({
      state: 'lost',
      error: expect.stringMatching(/^no sign of life from frozen since 20.*Z$/) as string,
    });
    expect(lost!.restart).toMatchObject({ state: 'queued', retryOf: frozen.claim.id, attempt: 2, seed: 5, settings: { a: 1 } });

    const second = (await store.claim('s', 'awake'))!;
    expect(second.claim.id).toBe(lost!.restart!.id);
    expect(await store.heartbeat(frozen.claim)).toBe('lost');
    expect(await store.event(frozen.claim, { step: 'fit', share: 1, message: '' })).toBe(false);
    expect(await store.data(frozen.claim, { fromMs: 0, toMs: 1, hash: 'x' })).toBe(false);
    expect(await store.finish(frozen.claim, { state: 'succeeded', version: 'stale' })).toBe(false);
    // Not even under the number of the run that another has by now.
    expect(await store.finish({ id: second.claim.id, epoch: frozen.claim.epoch }, { state: 'succeeded' })).toBe(false);
    expect(await store.run(frozen.claim.id)).toMatchObject({ state: 'lost', version: null });
    expect(await store.heartbeat(second.claim)).toBe('go-on');

    await silence(second.claim.id, 61_000);
    expect((await store.markLost('s', 60_000, 2))[0]).toMatchObject({ run: { state: 'lost' }, restart: null });
    expect((await store.list({ state: 'queued', limit: 9 })).items).toEqual([]);
  });

  it('is not found twice by two that look at once', async () => {
    await store.enqueue(request());
    const { claim } = (await store.claim('s', 'h'))!;
    await silence(claim.id, 61_000);
    const found = await Promise.all(Array.from({ length: 5 }, () => store.markLost('s', 60_000, 2)));
    expect(found.flat()).toHaveLength(1);
  });

  it('a heartbeat keeps it', async () => {
    await store.enqueue(request());
    const { claim } = (await store.claim('s', 'h'))!;
    for (const sign of [
      () => store.heartbeat(claim),
      () => store.event(claim, { step: 'x', share: NaN, message: '' }),
      () => store.data(claim, { fromMs: 0, toMs: 1, hash: 'x' }),
    ]) {
      await silence(claim.id, 61_000);
      await sign();
      expect(await store.markLost('s', 60_000, 2)).toEqual([]);
    }
  });
});

describe('a run that is handed back', () => {
  const begun = async () => {
    const { run } = await store.enqueue(request({ trigger: 'schedule', dueAtMs: 1_000, seed: 5 }));
    const { claim } = (await store.claim('s', 'first'))!;
    await store.data(claim, { fromMs: 0, toMs: 1, hash: 'x' });
    await store.event(claim, { step: 'fit', share: 0.5, message: '' });
    return { asked: run, claim };
  };

  it('waits as before it was begun, without the loss of an attempt, and the next holder takes it up', async () => {
    const { asked, claim } = await begun();
    expect(await store.handBack(claim)).toBe('queued');
    expect(await store.run(claim.id)).toEqual(asked);
    expect((await store.eventsAfter(claim.id, 1, 9)).map(({ step, message }) => [step, message])).toEqual([
      ['stop', 'handed back: first stops'],
    ]);
    // Whoever handed it back has no say in it any more.
    expect(await store.heartbeat(claim)).toBe('lost');
    expect(await store.handBack(claim)).toBe('lost');
    const next = (await store.claim('s', 'second'))!;
    expect(next.run).toMatchObject({ id: asked.id, attempt: 1, seed: 5, holder: 'second', data: null });
    expect(await store.heartbeat(claim)).toBe('lost');
    expect(await store.finish(claim, { state: 'succeeded' })).toBe(false);
    expect(await store.finish(next.claim, { state: 'succeeded' })).toBe(true);
  });

  it('makes way for one of the same trigger that waits', async () => {
    const { claim } = await begun();
    const { run } = await store.enqueue(request({ trigger: 'schedule', dueAtMs: 2_000 }));
    expect(await store.handBack(claim)).toBe('cancelled');
    expect(await store.run(claim.id)).toMatchObject({
      state: 'cancelled',
      finishedAt: expect.any(String) as string,
      error: `handed back: first stops; run ${run.id} of the same trigger takes its place`,
    });
    expect((await store.claim('s', 'second'))!.run.id).toBe(run.id);
  });

  it('ends where it was to be cancelled', async () => {
    const { claim } = await begun();
    await store.cancel(claim.id, 'bo');
    expect(await store.handBack(claim)).toBe('cancelled');
    expect(await store.run(claim.id)).toMatchObject({ state: 'cancelled', error: 'cancelled by bo' });
  });
});

describe('cancel and retry', () => {
  it('a run that waits ends at once, one that runs is told', async () => {
    const { run } = await store.enqueue(request());
    expect(await store.cancel(run.id, 'bo')).toMatchObject({
      state: 'cancelled',
      finishedAt: expect.any(String) as string,
      error: 'cancelled by bo',
    });
    expect(await store.claim('s', 'h')).toBeNull();
    await expect(store.cancel(run.id, 'bo')).rejects.toThrow(StateConflictError);
    await expect(store.cancel('999', 'bo')).rejects.toThrow(NotStoredError);
    await expect(store.cancel("1' OR 1=1", 'bo')).rejects.toThrow(NotStoredError);

    const again = await store.retry(run.id, 'bo');
    expect(again.run).toMatchObject({ retryOf: run.id, requestedBy: 'bo', attempt: 1, seed: run.seed, trigger: 'manual' });
    await expect(store.retry(again.run.id, 'bo')).rejects.toThrow('waits');
    const { claim } = (await store.claim('s', 'h'))!;
    await expect(store.retry(claim.id, 'bo')).rejects.toThrow('is running');
    expect(await store.heartbeat(claim)).toBe('go-on');
    expect(await store.cancel(claim.id, 'bo')).toMatchObject({
      state: 'running',
      cancelRequestedAt: expect.any(String) as string,
    });
    expect(await store.heartbeat(claim)).toBe('cancel');
    expect(await store.finish(claim, { state: 'cancelled' })).toBe(true);
    expect(await store.finish(claim, { state: 'succeeded' })).toBe(false);
    expect(await store.run(claim.id)).toMatchObject({ state: 'cancelled', error: 'cancelled by bo' });
  });

  it('a run that was lost while it was to be cancelled does not come again', async () => {
    await store.enqueue(request());
    const { claim } = (await store.claim('s', 'h'))!;
    await store.cancel(claim.id, 'bo');
    await silence(claim.id, 61_000);
    expect((await store.markLost('s', 60_000, 5))[0]).toMatchObject({ restart: null });
  });

  it('a failed run says why, a succeeded one is not retried', async () => {
    await store.enqueue(request());
    const first = (await store.claim('s', 'h'))!;
    await store.finish(first.claim, { state: 'failed', error: `no labels ${'x'.repeat(5_000)}` });
    expect((await store.run(first.claim.id))!.error).toHaveLength(1_000);
    await store.retry(first.claim.id, 'bo');
    const second = (await store.claim('s', 'h'))!;
    await store.finish(second.claim, { state: 'succeeded' });
    await expect(store.retry(second.claim.id, 'bo')).rejects.toThrow('has succeeded');
  });
});

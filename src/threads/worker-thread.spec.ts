import { setTimeout as sleep } from 'node:timers/promises';
import { trainInThread, type HistoryPart } from './training-thread.js';
import { withThread } from './worker-thread.js';

// Compiled beside the service, the thread's program is missing here: every thread ends as soon as it starts.
const GONE = /Cannot find module/;
const piece: HistoryPart = { transactions: [], labels: [] };
const inputOf = (): never => {
  throw new Error('the history is not through');
};

test('a thread that has ended rejects at once whatever it is asked', async () => {
  let asked = 0;
  const work = withThread('reference', undefined, async (thread) => {
    await expect(thread.ask((id) => ({ kind: 'history', id, ...piece }))).rejects.toThrow(GONE);
    asked += 1;
    expect(thread.waiting).toBe(0);
    return thread.ask((id) => ({ kind: 'history', id, ...piece }));
  });
  await expect(work).rejects.toThrow(GONE);
  expect(asked).toBe(1);
}, 10_000);

test('so does one that ends while nobody waits for it', async () => {
  const work = withThread('reference', undefined, async (thread) => {
    await sleep(1_000);
    return thread.ask((id) => ({ kind: 'history', id, ...piece }));
  });
  await expect(work).rejects.toThrow(GONE);
}, 10_000);

test('training ends with its thread, and reads no more history than a piece ahead', async () => {
  let read = 0;
  let isClosed = false;
  const history = async function* (): AsyncGenerator<HistoryPart> {
    try {
      for (; read < 1_000; read += 1) yield await Promise.resolve(piece);
    } finally {
      isClosed = true;
    }
  };
  await expect(trainInThread(history(), inputOf, { seed: 1, backend: 'reference' })).rejects.toThrow(GONE);
  expect(read).toBeLessThanOrEqual(1);
  expect(isClosed).toBe(true);
}, 10_000);

test('an abort ends it with its reason', async () => {
  const abort = new AbortController();
  const history = async function* (): AsyncGenerator<HistoryPart> {
    abort.abort(new Error('enough'));
    yield await Promise.resolve(piece);
  };
  await expect(trainInThread(history(), inputOf, { seed: 1, backend: 'reference', signal: abort.signal })).rejects.toThrow(
    'enough',
  );
}, 10_000);

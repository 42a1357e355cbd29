import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../src/domain/random.js';
import type { Moments, PlantedBug } from './planted-bugs.js';
import { StallError } from './progress.js';
import { createRecords, type Records } from './records.js';
import { runRecords, type RunResult } from './run.js';
import { HISTORY_DAYS, type Stage } from './stage.js';
import { type Check, judge } from './verdict.js';

const RECORDS = 2_000;
/** The commit with an alert in which the worker is struck. */
const NTH = 3;
const PLANTED_WORKER = join(import.meta.dirname, 'planted-worker.js');
const WORD_LIMIT_MS = 90_000;

interface Scene {
  readonly bug: PlantedBug;
  readonly moment: keyof Moments;
  readonly end: 'kill' | 'freeze';
}

/** Each bug beside the same strike without it. */
const SCENES: readonly { readonly what: string; readonly planted: Scene; readonly sound: Scene }[] = [
  {
    what: 'offset committed before the data',
    planted: { bug: 'offset-first', moment: 'between', end: 'kill' },
    sound: { bug: 'none', moment: 'between', end: 'kill' },
  },
  {
    what: 'outbox written outside the transaction',
    planted: { bug: 'outbox-after', moment: 'between', end: 'kill' },
    sound: { bug: 'none', moment: 'after', end: 'kill' },
  },
  {
    what: 'fence removed',
    planted: { bug: 'no-fence', moment: 'before', end: 'freeze' },
    sound: { bug: 'none', moment: 'before', end: 'freeze' },
  },
];

/** Three bugs that the suite has to catch, each by a strike at the one moment that shows it; without the bug it passes. */
export const catchPlantedBugs = async (stage: Stage): Promise<readonly Check[]> => {
  const records = createRecords(stage.world, HISTORY_DAYS, RECORDS, createRandom(7));
  const reference = await runRecords(stage, records, { name: 'planted', workers: 1, batchSizeMax: 100 });
  // All at once: they mostly wait, for sessions and leases to end.
  const checks = SCENES.map(async ({ what, planted, sound }): Promise<readonly Check[]> => {
    const [caught, without] = await Promise.all([planted, sound].map((scene) => play(stage, records, reference, scene)));
    return [
      {
        what: `planted bug caught: ${what}${caught![0] ? ` (${caught![0]})` : ''}`,
        problems: caught!.length > 0 ? [] : ['nobody noticed'],
      },
      { what: `the same without the bug: ${sound.end} ${sound.moment} the commit`, problems: without! },
    ];
  });
  return (await Promise.all(checks)).flat();
};

const play = async (stage: Stage, records: Records, reference: RunResult, scene: Scene): Promise<readonly string[]> => {
  const { bug, moment, end } = scene;
  const name = `${bug.replace('-', '_')}_${moment}_${end}`;
  const word = (text: string): Promise<void> => wordIn(join(stage.folder, 'logs', `${name}.log`), text);
  const run = await runRecords(stage, records, {
    name,
    // Only the first start is struck. Killed it is started again; when it stands still another one is added.
    workers: 1,
    programOf: (n) => (n === 1 ? [PLANTED_WORKER, bug, moment, end, String(NTH)] : null),
    beside: async (crew) => {
      await word(`struck: ${moment}`);
      if (end === 'freeze') crew.add();
    },
    atEnd: async (crew) => {
      crew.wake();
      if (end === 'freeze') await word('answered: ');
    },
    batchSizeMax: 100,
    sessionTimeoutMs: 2_000,
    // Whoever stands still holds no transaction of another partition open meanwhile.
    concurrency: 1,
    stallLimitMs: 30_000,
  }).catch((error: unknown) => {
    if (error instanceof StallError) return error;
    throw error;
  });
  if (run instanceof StallError) return [run.message];
  const { checks } = await judge(stage.broker.brokers, records, reference, run);
  return checks.flatMap(({ problems }) => problems);
};

/** Waits for a worker to say so. */
const wordIn = async (log: string, text: string): Promise<void> => {
  for (let waitedMs = 0; !(await readFile(log, 'utf8').catch(() => '')).includes(text); waitedMs += 50) {
    if (waitedMs > WORD_LIMIT_MS) throw new Error(`${log}: nobody said "${text}" within ${WORD_LIMIT_MS / 1000} s`);
    await sleep(50);
  }
};

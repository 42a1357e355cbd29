/**
 * A worker with a planted bug that dies, or stands still, in the middle of its n-th commit with an alert.
 * Arguments: the bug, the moment (before, between, after), what happens there (kill, freeze), n.
 */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '../../src/serve.js';
import { PostgresScoringStore } from '../../src/store/scoring.store.js';
import { type Moments, plant, type PlantedBug } from './planted-bugs.js';

const [bug, moment, end, nth] = process.argv.slice(2) as [PlantedBug, keyof Moments, 'kill' | 'freeze', string];
let withAlerts = 0;
let isStruck = false;

/** SIGSTOP lets the call return when somebody sends SIGCONT. */
const strike = async (): Promise<void> => {
  isStruck = true;
  writeSync(1, `struck: ${moment}\n`);
  process.kill(process.pid, end === 'kill' ? 'SIGKILL' : 'SIGSTOP');
  // The signal takes a moment to arrive; nothing else may happen here until it does.
  await sleep(500);
};

plant(bug, ({ alerts }) => (alerts.length > 0 && (withAlerts += 1) === Number(nth) ? { [moment]: strike } : {}));

/** What became of the commit that was struck: a moved state is only the order to compute it again. */
// eslint-disable-next-line @typescript-eslint/unbound-method -- called with the `this` that it was called on
const commit = PostgresScoringStore.prototype.commit;
PostgresScoringStore.prototype.commit = async function (this: PostgresScoringStore, batch) {
  const result = await commit.call(this, batch);
  if (isStruck && result !== 'state-moved') writeSync(1, `answered: ${result}\n`);
  return result;
};

await serve({ role: 'worker', schema: 'demo' });

import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Random } from '../../src/domain/random.js';
import type { Crew } from './crew.js';
import type { Stage } from './stage.js';

/** What a fault can reach. */
export interface Target {
  readonly stage: Stage;
  readonly crew: Crew;
  readonly databaseUrl: string;
  readonly sessionTimeoutMs: number;
  readonly random: Random;
  /** Runs `work` while nobody produces records: what is sent has to be on the topic once. */
  readonly withoutProducer: (work: () => Promise<void>) => Promise<void>;
  /** For what lasts while other faults strike; awaited at the end of the run. */
  readonly inBackground: (work: Promise<void>) => void;
}

interface Fault {
  readonly name: string;
  readonly isKill: boolean;
  /** Of the kills, or of the other faults. */
  readonly share: number;
  /** Resolves when what was broken is back, or goes on by itself. */
  readonly inject: (target: Target) => Promise<void>;
}

/** The hot tables: whoever writes a batch meets one of them. */
const HOT_TABLES = ['consumer_offsets', 'transaction_ids', 'entity_states', 'evidence_cells', 'outbox'];

const FAULTS: readonly Fault[] = [
  { name: 'worker killed', isKill: true, share: 0.75, inject: ({ crew, random }) => crew.kill(random) },
  {
    name: 'Postgres killed',
    isKill: true,
    share: 0.15,
    inject: async ({ stage: { postgres }, random }) => {
      await postgres.killHard();
      await sleep(random.integer(1_500));
      await postgres.start();
    },
  },
  {
    name: 'broker killed',
    isKill: true,
    share: 0.1,
    inject: ({ stage: { broker }, random, withoutProducer }) =>
      withoutProducer(async () => {
        await broker.killHard();
        await sleep(random.integer(1_500));
        await broker.start();
      }),
  },
  {
    name: 'worker frozen beyond its session, woken as a zombie',
    isKill: false,
    share: 0.4,
    inject: ({ crew, random, sessionTimeoutMs, inBackground }) => {
      inBackground(crew.freeze(random, sessionTimeoutMs * (1.5 + random.uniform())));
      return Promise.resolve();
    },
  },
  {
    name: 'rebalance storm',
    isKill: false,
    share: 0.2,
    inject: async ({ crew, random }) => {
      for (let i = 0; i < 3; i += 1) {
        crew.add();
        await sleep(500 + random.integer(2_000));
        crew.remove(random);
      }
    },
  },
  {
    name: 'hot table locked',
    isKill: false,
    share: 0.2,
    inject: async ({ databaseUrl, random }) => {
      const client = new pg.Client({ connectionString: databaseUrl });
      client.on('error', () => undefined);
      await client.connect();
      await client.query('BEGIN');
      await client.query(`LOCK TABLE ${HOT_TABLES[random.integer(HOT_TABLES.length)]} IN ACCESS EXCLUSIVE MODE`);
      await sleep(1_000 + random.integer(3_000));
      await client.end();
    },
  },
  {
    name: 'Postgres frozen',
    isKill: false,
    share: 0.2,
    inject: async ({ stage: { postgres }, random }) => {
      await postgres.freeze();
      await sleep(1_000 + random.integer(3_000));
      await postgres.thaw();
    },
  },
];

export interface PlannedFault {
  readonly fault: Fault;
  /** Committed records at which it strikes. */
  readonly at: number;
}

/**
 * `kills` kills and a quarter as many other faults, each kind at least once, in random order. They strike by progress, not
 * by time: at so many committed records that all fall into the work, however fast it goes.
 */
export const planFaults = (random: Random, kills: number, records: number): readonly PlannedFault[] => {
  const of = (isKill: boolean, count: number): readonly Fault[] => {
    const kinds = FAULTS.filter((fault) => fault.isKill === isKill);
    const rest = kinds.slice(1).flatMap((fault) => Array<Fault>(Math.max(1, Math.round(count * fault.share))).fill(fault));
    return [...rest, ...Array<Fault>(Math.max(1, count - rest.length)).fill(kinds[0]!)];
  };
  const faults = [...of(true, kills), ...of(false, Math.ceil(kills / 4))];
  for (let i = faults.length - 1; i > 0; i -= 1) {
    const j = random.integer(i + 1);
    [faults[i], faults[j]] = [faults[j]!, faults[i]!];
  }
  const step = (0.95 * records) / faults.length;
  return faults.map((fault, i) => ({ fault, at: Math.floor(step * (i + random.uniform())) }));
};

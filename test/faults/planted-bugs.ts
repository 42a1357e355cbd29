import { AsyncLocalStorage } from 'node:async_hooks';
import { DataSource } from 'typeorm';
import type { BatchCommit, CommitResult } from '../../src/scoring/ports.js';
import { PostgresOffsetStore } from '../../src/store/offset.store.js';
import { alertJson } from '../../src/store/row-json.js';
import { PostgresScoringStore } from '../../src/store/scoring.store.js';

/** `none`: the store as it is, with the same moments to die at. */
export type PlantedBug = 'none' | 'offset-first' | 'outbox-after' | 'no-fence';

/** Where a commit can be interrupted; what it throws ends the commit there, as a crash does. */
export interface Moments {
  /** Everything was read and computed; nothing is written. */
  readonly before?: () => Promise<void>;
  /** Between the two parts of a commit that must be one; without a bug: all is written in the open transaction. */
  readonly between?: () => Promise<void>;
  /** It is committed, and nobody was told. */
  readonly after?: () => Promise<void>;
}

/** What a store holds, as the planted commits reach for it. */
interface Parts {
  readonly dataSource: DataSource;
  options: { readonly publishes: boolean };
}

interface Step {
  readonly parts: Parts;
  readonly commit: BatchCommit;
  /** The store's own commit. `inside`: when all is written in the open transaction. */
  readonly write: (commit: BatchCommit, inside?: () => Promise<void>) => Promise<CommitResult>;
  readonly between: () => Promise<void>;
}

/**
 * The bugs that would cost the guarantee:
 * - `offset-first`: the position moves in a transaction of its own, before the rows; a crash in between loses them;
 * - `outbox-after`: the outbox is written after the commit; a crash in between loses alerts;
 * - `no-fence`: the position is compared with what is stored now, instead of with what the batch was read from.
 */
const COMMITS: Readonly<Record<PlantedBug, (step: Step) => Promise<CommitResult>>> = {
  none: ({ commit, write, between }) => write(commit, between),

  'offset-first': async ({ parts, commit, write, between }) => {
    const { source } = commit;
    if (source.kind !== 'kafka') return write(commit);
    const offsets = new PostgresOffsetStore(parts.dataSource);
    if (!(await offsets.advance(source, source.fetchedOffset, source.nextOffset))) return 'offset-moved';
    await between();
    return write({ ...commit, source: { kind: 'direct', name: 'planted' } });
  },

  'outbox-after': async ({ parts, commit, write, between }) => {
    parts.options = { publishes: false };
    const result = await write(commit);
    if (result !== 'committed') return result;
    await between();
    const alerts = commit.alerts.map((alert) => alertJson(alert, Object.values(alert.entities)));
    await parts.dataSource.query(OUTBOX_OF_ALERTS, [JSON.stringify(alerts)]);
    await parts.dataSource.query(OUTBOX_OF_DEAD_LETTERS, [commit.deadLetters.map(({ record }) => record.position)]);
    return result;
  },

  'no-fence': async ({ parts, commit, write, between }) => {
    const { source } = commit;
    if (source.kind !== 'kafka') return write(commit);
    const fetchedOffset = await new PostgresOffsetStore(parts.dataSource).open(source, source.fetchedOffset);
    return write({ ...commit, source: { ...source, fetchedOffset } }, between);
  },
};

const OUTBOX_OF_ALERTS = `INSERT INTO outbox (kind, key, payload, headers)
SELECT 'alert', key, convert_to(payload, 'UTF8'), headers
FROM json_to_recordset($1::json) AS r(key text, payload text, headers jsonb)`;
const OUTBOX_OF_DEAD_LETTERS = `INSERT INTO outbox (kind, key, dead_letter_id, headers)
SELECT 'dead-letter', key, id, jsonb_build_object('reason', reason, 'position', position)
FROM dead_letters WHERE position = ANY ($1::text[]) ORDER BY id`;

/**
 * Plants a bug in the store's class, so that it is in whatever store a service makes: production code has no hook for it.
 * Answers how to take it out again.
 *
 * @param momentsOf where a commit is to be interrupted
 */
export const plant = (bug: PlantedBug, momentsOf: (commit: BatchCommit) => Moments): (() => void) => {
  /* eslint-disable @typescript-eslint/unbound-method -- both are called with the `this` that they were called on */
  const realCommit = PostgresScoringStore.prototype.commit;
  const realTransaction = DataSource.prototype.transaction;
  /* eslint-enable @typescript-eslint/unbound-method */
  const inside = new AsyncLocalStorage<() => Promise<void>>();
  PostgresScoringStore.prototype.commit = async function (this: PostgresScoringStore, commit: BatchCommit) {
    const { before, between, after } = momentsOf(commit);
    await before?.();
    const result = await COMMITS[bug]({
      parts: this as unknown as Parts,
      commit,
      write: (what, moment) => inside.run(moment ?? nothing, () => realCommit.call(this, what)),
      between: between ?? nothing,
    });
    if (result === 'committed') await after?.();
    return result;
  };
  DataSource.prototype.transaction = function (this: DataSource, ...given: unknown[]) {
    const work = given.pop() as (manager: unknown) => Promise<unknown>;
    const withMoment = async (manager: unknown): Promise<unknown> => {
      const result = await work(manager);
      await inside.getStore()?.();
      return result;
    };
    return (realTransaction as (...args: unknown[]) => Promise<never>).call(this, ...given, withMoment);
  };
  return () => {
    PostgresScoringStore.prototype.commit = realCommit;
    DataSource.prototype.transaction = realTransaction;
  };
};

const nothing = (): Promise<void> => Promise.resolve();

import pg from 'pg';
import { compareDatabases, type Side, type TableComparison } from './compare.js';
import type { Records } from './records.js';
import type { RunResult } from './run.js';
import { type Message, readTopic } from './topic-log.js';

/** One sentence of the guarantee, held or not. */
export interface Check {
  readonly what: string;
  /** Empty: it holds. */
  readonly problems: readonly string[];
}

export interface Verdict {
  readonly checks: readonly Check[];
  readonly tables: readonly TableComparison[];
  /** Messages on the topics beyond the first of each id or position. */
  readonly duplicates: { readonly alerts: number; readonly deadLetters: number };
  readonly differences: number;
}

/** What a run left behind, beside what an uninterrupted one of the same records did. */
export const judge = async (
  brokers: readonly string[],
  records: Records,
  reference: RunResult,
  run: RunResult,
): Promise<Verdict> => {
  const database = new pg.Client({ connectionString: run.databaseUrl });
  await database.connect();
  try {
    const accounting = { what: 'every record ended once', problems: await account(database, records) };
    const tables = await compareDatabases(sideOf(reference), sideOf(run));
    const equal = {
      what: 'every column equals the uninterrupted run',
      problems: tables.flatMap(({ table, examples, differences }) =>
        differences === 0 ? [] : [`${table}: ${differences} rows differ`, ...examples.map((example) => `  ${example}`)],
      ),
    };
    const alerts = checkAlerts(await readTopic(brokers, run.topics.alerts), await alertsOf(database), records);
    const dead = checkDeadLetters(await readTopic(brokers, run.topics.dead), await positionsOf(database));
    const checks = [accounting, equal, alerts.check, dead.check];
    return {
      ...{ checks, tables },
      duplicates: { alerts: alerts.duplicates, deadLetters: dead.duplicates },
      differences: checks.reduce((sum, { problems }) => sum + problems.length, 0),
    };
  } finally {
    await database.end();
  }
};

const sideOf = ({ databaseUrl, topics, name }: RunResult): Side => ({
  url: databaseUrl,
  names: [...Object.values(topics as unknown as Record<string, string>), `group.${name}`],
});

const numberOf = async (database: pg.Client, sql: string): Promise<number> =>
  Number((await database.query<{ n: string }>(sql)).rows[0]!.n);

const account = async (database: pg.Client, { expected }: Records): Promise<string[]> => {
  const [scored, ids, repeats, deadLetters, labels, alerts, alerted] = [
    await numberOf(database, 'SELECT count(*) AS n FROM transactions'),
    await numberOf(database, 'SELECT count(*) AS n FROM transaction_ids'),
    await numberOf(database, 'SELECT coalesce(sum(count), 0) AS n FROM repeats'),
    await numberOf(database, 'SELECT count(*) AS n FROM dead_letters'),
    await numberOf(database, 'SELECT count(*) AS n FROM labels'),
    await numberOf(database, 'SELECT count(*) AS n FROM alerts'),
    await numberOf(database, 'SELECT coalesce(sum(alerts), 0) AS n FROM day_counts'),
  ];
  const problems: string[] = [];
  const expect = (what: string, found: number, wanted: number): void => {
    if (found !== wanted) problems.push(`${what}: ${found}, expected ${wanted}`);
  };
  expect('scored + repeats + dead letters', scored + repeats + deadLetters, expected.records);
  expect('scored', scored, expected.scored);
  expect('transaction ids', ids, expected.scored);
  expect('repeats', repeats, expected.repeats);
  expect('dead letters', deadLetters, expected.deadLetters);
  expect('labels', labels, expected.labels);
  expect('alerts, against the day counts', alerts, alerted);
  if (alerts === 0) problems.push('no alert was raised: nothing is shown about the alert topic');
  return problems;
};

interface StoredAlert {
  readonly id: string;
  readonly transaction: string;
  readonly payload: unknown;
}

const alertsOf = async (database: pg.Client): Promise<readonly StoredAlert[]> =>
  (await database.query<StoredAlert>('SELECT id, transaction_id AS transaction, payload FROM alerts')).rows;

const positionsOf = async (database: pg.Client): Promise<ReadonlyMap<string, string>> => {
  const { rows } = await database.query<{ position: string; bytes: string }>(
    `SELECT position, encode(bytes, 'hex') AS bytes FROM dead_letters`,
  );
  return new Map(rows.map(({ position, bytes }) => [position, bytes]));
};

interface TopicCheck {
  readonly check: Check;
  readonly duplicates: number;
}

/** All alerts of the database are on their topic, under their ids, repeats word for word, and of each customer in order. */
const checkAlerts = (messages: readonly Message[], stored: readonly StoredAlert[], { placeOf }: Records): TopicCheck => {
  const problems: string[] = [];
  const first = new Map<string, Message>();
  const places = new Map<string, number>();
  for (const message of messages) {
    const id = message.headers['alert-id'] ?? 'none';
    const before = first.get(id);
    if (before) {
      if (!before.value.equals(message.value)) problems.push(`alert ${id} is on the topic with two contents`);
      continue;
    }
    first.set(id, message);
    const { transactionId, entities } = JSON.parse(message.value.toString()) as AlertOnTopic;
    if (message.key !== entities['customer']) problems.push(`alert ${id} has key ${message.key}, not its customer`);
    const place = placeOf.get(transactionId) ?? -1;
    if (place < (places.get(message.key!) ?? -1)) problems.push(`alert ${id} comes before an earlier one of ${message.key}`);
    places.set(message.key!, place);
  }
  for (const { id, payload } of stored) {
    const message = first.get(id);
    if (!message) problems.push(`alert ${id} was committed and is not on the topic`);
    else if (canonical(JSON.parse(message.value.toString())) !== canonical(payload))
      problems.push(`alert ${id} differs between table and topic`);
  }
  if (first.size > stored.length) problems.push(`${first.size - stored.length} alerts on the topic were never committed`);
  return { check: { what: 'every alert is on the topic, in order', problems }, duplicates: messages.length - first.size };
};

interface AlertOnTopic {
  readonly transactionId: string;
  readonly entities: Readonly<Record<string, string>>;
}

/** jsonb has an order of keys of its own. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

const checkDeadLetters = (messages: readonly Message[], stored: ReadonlyMap<string, string>): TopicCheck => {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const { headers, value } of messages) {
    const position = headers['position'] ?? 'none';
    seen.add(position);
    if (stored.get(position) !== value.toString('hex')) problems.push(`dead letter ${position} has other bytes than its record`);
  }
  for (const position of stored.keys()) if (!seen.has(position)) problems.push(`dead letter ${position} is not on the topic`);
  return { check: { what: 'every dead letter is on its topic', problems }, duplicates: messages.length - seen.size };
};

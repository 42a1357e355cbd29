import type { Admin, ITopicConfig } from 'kafkajs';
import { setTimeout as wait } from 'node:timers/promises';

/** Each topic by what it is for; the names on the broker are configuration. docs/topics.md says what they carry. */
export interface TopicNames {
  readonly transactions: string;
  readonly labels: string;
  readonly alerts: string;
  readonly dead: string;
}

export const DEFAULT_TOPICS: TopicNames = {
  transactions: 'transactions',
  labels: 'labels',
  alerts: 'alerts',
  dead: 'transactions.dead',
};

/** Partitions of a topic that has to be made. More partitions, more workers at once; dead letters are few. */
const PARTITIONS: Readonly<Record<keyof TopicNames, number>> = { transactions: 6, labels: 3, alerts: 6, dead: 1 };
const REPLICAS_MAX = 3;

/**
 * Makes the topics that are missing, with as many replicas as there are brokers, at most 3. What exists is left as it is.
 *
 * @returns names of the topics that were made
 * @throws Error naming the topic that can't be made, or two uses of one name
 */
export const ensureTopics = async (admin: Admin, topics: TopicNames): Promise<readonly string[]> => {
  const uses = Object.keys(PARTITIONS) as (keyof TopicNames)[];
  for (const use of uses) {
    const other = uses.find((o) => o !== use && topics[o] === topics[use]);
    if (other !== undefined)
      throw new Error(`topics.${use} and topics.${other} are both "${topics[use]}"; each needs a topic of its own`);
  }
  const existing = new Set(await admin.listTopics());
  const missing = uses.filter((use) => !existing.has(topics[use]));
  if (missing.length === 0) return [];
  const { brokers } = await admin.describeCluster();
  const replicationFactor = Math.min(REPLICAS_MAX, brokers.length);
  try {
    // False when another instance made them in the meantime, which is as good.
    await createTopics(
      admin,
      missing.map((use) => ({ topic: topics[use], numPartitions: PARTITIONS[use], replicationFactor })),
    );
  } catch (error) {
    const names = missing.map((use) => topics[use]).join(', ');
    throw new Error(`cannot create the topics ${names}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  return missing.map((use) => topics[use]);
};

const LEADERS_LIMIT_MS = 20_000;

/**
 * Makes topics and waits until every partition has a leader. A KRaft broker answers "does not host this topic-partition"
 * for a moment after making one, which kafkajs's own wait takes for final.
 */
export const createTopics = async (admin: Admin, topics: ITopicConfig[]): Promise<void> => {
  await admin.createTopics({ topics, waitForLeaders: false });
  const names = topics.map(({ topic }) => topic);
  for (let waitedMs = 0; ; waitedMs += 100) {
    const metadata = await admin.fetchTopicMetadata({ topics: names }).catch((error: unknown) => {
      if (waitedMs >= LEADERS_LIMIT_MS) throw error;
      return null;
    });
    if (metadata?.topics.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)))
      return;
    if (waitedMs >= LEADERS_LIMIT_MS) throw new Error(`no leader for ${names.join(', ')} within ${LEADERS_LIMIT_MS / 1000} s`);
    await wait(100);
  }
};

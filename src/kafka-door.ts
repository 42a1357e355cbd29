import type { Config } from './config.js';
import type { Log } from './log.js';
import type { Stores } from './service-stores.js';
import { AlertRelay } from './stream/alert-relay.js';
import { KafkaBatchServer } from './stream/kafka-batch-server.js';
import { createKafka, withAdmin } from './stream/kafka-client.js';
import { KafkaPublisher } from './stream/kafka-publisher.js';
import { ensureTopics } from './stream/topics.js';

/** The service's way in and out by Kafka. */
export interface KafkaDoor {
  readonly server: KafkaBatchServer;
  readonly relay: AlertRelay;
}

/** Makes the topics that are missing; nothing is read yet. @throws Error when the brokers cannot be reached */
export const connectKafka = async (
  config: Config,
  brokers: readonly string[],
  { stores, holder, log }: { readonly stores: Stores; readonly holder: string; readonly log: Log },
): Promise<KafkaDoor> => {
  const { groupId, topics, concurrency, skewMaxSeconds, sessionTimeoutMs } = config.service.kafka;
  const connection = { brokers, clientId: groupId };
  const made = await withAdmin(createKafka(connection), (admin) => ensureTopics(admin, topics));
  if (made.length > 0) log.say(`Kafka: made the topics ${made.join(', ')}`);
  const server = new KafkaBatchServer(
    {
      brokers,
      group: groupId,
      topics: { ...topics },
      batchSizeMax: config.service.scoring.batchSizeMax,
      concurrency,
      skewMaxMs: 1_000 * skewMaxSeconds,
      sessionTimeoutMs,
      onAssignment: () => stores.scoring.forgetStates(),
    },
    stores.offsets,
  );
  return { server, relay: new AlertRelay(stores.outbox, new KafkaPublisher(connection), { topics, holder }) };
};

/**
 * What a Nest user would assemble first: the stock Kafka transport, a handler a message, TypeORM `save` a message. The model
 * and its features are the service's own, in this thread, remembered in memory only (a real one would have to store them).
 * Run: node dist/bench/peers/nest-peer.js BROKERS TOPIC DATABASE_URL MODEL_FOLDER, until SIGTERM.
 */
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, type MicroserviceOptions, Payload, Transport } from '@nestjs/microservices';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import type { DemoTransaction } from '../../src/synthetic/payment.js';
import { MemoryLine } from './memory-line.js';
import { type PeerRow, PeerRows } from './peer-table.js';

const [brokers, topic, url, model] = process.argv.slice(2) as [string, string, string, string];

@Controller()
class PeerController {
  constructor(
    private readonly line: MemoryLine,
    @InjectRepository(PeerRows) private readonly rows: Repository<PeerRow>,
  ) {}

  @EventPattern<string>(topic)
  async handle(@Payload() transaction: DemoTransaction): Promise<void> {
    const [scored] = await this.line.score([JSON.stringify(transaction)]);
    const { features, fused, decision } = scored!;
    const { occurred_at: occurredAt, ...rest } = transaction;
    await this.rows.save({
      ...rest,
      occurredAt: new Date(occurredAt),
      features: Buffer.from(features.buffer, features.byteOffset, features.byteLength),
      score: fused.score,
      minusLog10P: fused.minusLog10P,
      outcome: decision.outcome,
    });
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url, entities: [PeerRows], synchronize: false }),
    TypeOrmModule.forFeature([PeerRows]),
  ],
  controllers: [PeerController],
  providers: [{ provide: MemoryLine, useFactory: () => MemoryLine.open(model) }],
})
class PeerModule {}

const app = await NestFactory.createMicroservice<MicroserviceOptions>(PeerModule, {
  transport: Transport.KAFKA,
  options: {
    client: { clientId: 'nest-peer', brokers: brokers.split(',') },
    consumer: { groupId: `nest-peer-${topic}` },
    subscribe: { fromBeginning: true },
  },
  logger: ['warn', 'error'],
});
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));
await app.listen();

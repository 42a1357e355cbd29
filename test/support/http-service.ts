import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { API_APPLICATION_OPTIONS, ApiModule } from '../../src/api/api.module.js';
import type { ApiSettings } from '../../src/api/api-settings.js';
import { ModelRegistry } from '../../src/store/model-registry.js';
import { DriftStore } from '../../src/store/drift.store.js';
import { Queries } from '../../src/store/queries.js';
import { PostgresTrainingRunStore } from '../../src/store/training-run.store.js';
import { VersionComparer } from '../../src/training/ports.js';
import { LabelSink } from '../../src/scoring/ports.js';
import { OnlineLine } from '../../src/scoring/score-transactions.js';
import { memoryService, NOW_MS, SHOP_SCHEMA } from './memory-api.js';

export const KEY = 'test-key-0123456789';

export interface HttpService {
  readonly url: string;
  readonly app: INestApplication;
}

interface Behind {
  readonly line: OnlineLine;
  readonly queries: unknown;
  readonly labels: LabelSink;
  readonly registry?: ModelRegistry;
  readonly runs?: PostgresTrainingRunStore;
  readonly drift?: DriftStore;
  readonly comparer?: VersionComparer;
}

/** The real HTTP door over what is given, on a free port unless one is named. */
export const startHttp = async (behind: Behind, settings: Partial<ApiSettings> = {}, atPort = 0): Promise<HttpService> => {
  class Ports {}
  Module({
    providers: [
      { provide: Queries, useValue: behind.queries },
      { provide: LabelSink, useValue: behind.labels },
      { provide: OnlineLine, useValue: behind.line },
      { provide: ModelRegistry, useValue: behind.registry ?? {} },
      { provide: PostgresTrainingRunStore, useValue: behind.runs ?? {} },
      { provide: DriftStore, useValue: behind.drift ?? {} },
      { provide: VersionComparer, useValue: behind.comparer ?? {} },
    ],
    exports: [Queries, LabelSink, OnlineLine, ModelRegistry, PostgresTrainingRunStore, DriftStore, VersionComparer],
  })(Ports);
  const complete: ApiSettings = {
    apiKey: KEY,
    webRoot: 'web/dist',
    schema: SHOP_SCHEMA,
    readiness: () => Promise.resolve({ ok: true, checks: { database: 'ok', model: 'ok' } }),
    now: () => NOW_MS,
    ...settings,
  };
  const app = await NestFactory.create<NestExpressApplication>(ApiModule.register(complete, [Ports]), {
    ...API_APPLICATION_OPTIONS,
    logger: ['error', 'warn'],
  });
  await app.listen(atPort, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, app };
};

export const startMemoryHttp = async (settings: Partial<ApiSettings> = {}) => {
  const behind = memoryService();
  return { ...(await startHttp(behind, settings)), ...behind };
};

import { Global, Module, type DynamicModule, type ValueProvider } from '@nestjs/common';
import { ApiModule } from './api/api.module.js';
import type { ApiSettings } from './api/api-settings.js';
import { DeadLetterSink, LabelSink, OffsetStore } from './scoring/ports.js';
import { OnlineLine } from './scoring/score-transactions.js';
import { ModelRegistry } from './store/model-registry.js';
import { DriftStore } from './store/drift.store.js';
import { Queries } from './store/queries.js';
import { PostgresTrainingRunStore } from './store/training-run.store.js';
import { VersionComparer } from './training/ports.js';
import { LabelsConsumer } from './stream/labels.consumer.js';
import { TransactionsConsumer } from './stream/transactions.consumer.js';

/** What the doors are given: made once in `serve.ts`, injected by type. */
export interface AppParts {
  readonly settings: ApiSettings;
  readonly line: OnlineLine;
  readonly labels: LabelSink;
  readonly deadLetters: DeadLetterSink;
  readonly offsets: OffsetStore;
  readonly queries: Queries;
  readonly registry: ModelRegistry;
  readonly runs: PostgresTrainingRunStore;
  readonly drift: DriftStore;
  readonly comparer: VersionComparer;
  /** Which doors this process opens. */
  readonly doors: { readonly api: boolean; readonly kafka: boolean };
}

/** The only wiring: flat lists. */
@Global()
@Module({})
export class AppModule {
  static register(parts: AppParts): DynamicModule {
    const providers: ValueProvider[] = [
      { provide: OnlineLine, useValue: parts.line },
      { provide: LabelSink, useValue: parts.labels },
      { provide: DeadLetterSink, useValue: parts.deadLetters },
      { provide: OffsetStore, useValue: parts.offsets },
      { provide: Queries, useValue: parts.queries },
      { provide: ModelRegistry, useValue: parts.registry },
      { provide: PostgresTrainingRunStore, useValue: parts.runs },
      { provide: DriftStore, useValue: parts.drift },
      { provide: VersionComparer, useValue: parts.comparer },
    ];
    return {
      module: AppModule,
      imports: [parts.doors.api ? ApiModule.register(parts.settings) : ApiModule.healthOnly(parts.settings)],
      controllers: parts.doors.kafka ? [TransactionsConsumer, LabelsConsumer] : [],
      providers,
      exports: providers.map(({ provide }) => provide),
    };
  }
}

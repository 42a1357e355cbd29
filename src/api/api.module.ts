import { type DynamicModule, type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AlertPatternsController } from './alert-patterns.controller.js';
import { AlertsController } from './alerts.controller.js';
import { ApiSettings } from './api-settings.js';
import { BearerKey } from './bearer-key.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { DriftController } from './drift.controller.js';
import { EventStreams } from './event-streams.js';
import { HealthController } from './health.controller.js';
import { JsonBody } from './json-body.js';
import { LabelIntake } from './label-intake.js';
import { LabelsController } from './labels.controller.js';
import { LiveStream } from './live-stream.js';
import { ModelsController } from './models.controller.js';
import { PageController } from './page.controller.js';
import { ProblemFilter } from './problem.filter.js';
import { RequestLimit } from './request-limit.js';
import { SecurityHeaders } from './security-headers.js';
import { ServiceController } from './service.controller.js';
import { TrainingRunsController } from './training-runs.controller.js';
import { TrainingStream } from './training-stream.js';
import { TransactionIntake } from './transaction-intake.js';
import { TransactionsController } from './transactions.controller.js';

/**
 * The HTTP door. Needs `Queries`, `LabelSink`, `OnlineLine`, `ModelRegistry`, `VersionComparer` and
 * `PostgresTrainingRunStore` from the modules in `imports` or from global ones, and an
 * application created with `API_APPLICATION_OPTIONS`.
 */
@Module({})
export class ApiModule implements NestModule {
  /** Health alone, for a process whose work comes from Kafka. */
  static healthOnly(settings: ApiSettings): DynamicModule {
    const providers = [
      { provide: ApiSettings, useValue: settings },
      { provide: APP_FILTER, useClass: ProblemFilter },
    ];
    return { module: ApiModule, controllers: [HealthController], providers };
  }

  static register(settings: ApiSettings, imports: NonNullable<DynamicModule['imports']> = []): DynamicModule {
    return {
      module: ApiModule,
      imports,
      controllers: [
        TransactionsController,
        AlertsController,
        AlertPatternsController,
        LabelsController,
        DeadLettersController,
        TrainingRunsController,
        ModelsController,
        DriftController,
        ServiceController,
        HealthController,
        PageController,
      ],
      providers: [
        { provide: ApiSettings, useValue: settings },
        { provide: APP_FILTER, useClass: ProblemFilter },
        TransactionIntake,
        LabelIntake,
        EventStreams,
        LiveStream,
        TrainingStream,
      ],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(SecurityHeaders, RequestLimit, BearerKey, JsonBody).forRoutes('{*path}');
  }
}

/** Bodies are read by `JsonBody`; connections that are kept alive must not hold up a shutdown. */
export const API_APPLICATION_OPTIONS = { bodyParser: false, forceCloseConnections: true } as const;

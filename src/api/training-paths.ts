import type { z } from 'zod';
import {
  answer,
  content,
  type Json,
  jsonBody,
  operation,
  pathParameter,
  problem,
  queryParameters,
  ref,
  refusals,
} from './openapi-parts.js';
import {
  ByBody,
  CompareQuery,
  ModelQuery,
  PromoteBody,
  RetireBody,
  RoleChangeQuery,
  TrainingRunBody,
  TrainingRunQuery,
} from './training-requests.js';

const none = { '404': problem('There is none') };
const run = [pathParameter('id', 'Number of the run')];
const model = [pathParameter('version', 'Model version')];

const roleChange = (summary: string, operationId: string, body: z.ZodType, rest: Json = {}): Json => ({
  post: operation(
    summary,
    { operationId, ...rest, requestBody: jsonBody('Who and why, for the log', body) },
    {
      '200': answer('Its line in the log', ref('RoleChange')),
      ...none,
      ...refusals,
      '409': problem('It does not go with the roles as they are, or the model cannot be used; the champion stays'),
    },
  ),
});

/** The paths of training runs and of the model registry. */
export const trainingPaths = (): Json => ({
  '/v1/training-runs': {
    post: operation(
      'Ask for a training run',
      {
        operationId: 'startTrainingRun',
        description: 'Asking again while one waits answers that one.',
        requestBody: jsonBody('Who and why; all of it may be left out', TrainingRunBody),
      },
      {
        '202': answer('The run, which waits for a trainer', ref('TrainingRun')),
        '200': answer('The run that waited already', ref('TrainingRun')),
        ...refusals,
      },
    ),
    get: operation(
      'Training runs, newest first',
      { operationId: 'listTrainingRuns', parameters: queryParameters(TrainingRunQuery) },
      { '200': answer('A page', ref('TrainingRunPage')) },
    ),
  },
  '/v1/training-runs/{id}': {
    get: operation(
      'One training run with its report',
      { operationId: 'getTrainingRun', parameters: run },
      { '200': answer('The run', ref('TrainingRun')), ...none },
    ),
  },
  '/v1/training-runs/{id}/events': {
    get: operation(
      'How far a training run is, as server-sent events',
      {
        operationId: 'streamTrainingRun',
        description:
          'Events: `progress` (data: TrainingEvent, id: its sequence) and `run` (data: TrainingRun) when its state changes. The stream ends with the run.',
        parameters: [
          ...run,
          {
            name: 'Last-Event-ID',
            in: 'header',
            required: false,
            description: 'Resume after this sequence',
            schema: { type: 'string' },
          },
        ],
      },
      { '200': { description: 'The stream', content: content({ type: 'string' }, 'text/event-stream') }, ...none },
    ),
  },
  '/v1/training-runs/{id}/cancel': {
    post: operation(
      'Cancel a training run',
      {
        operationId: 'cancelTrainingRun',
        description: 'One that waits ends at once, one that runs is told with its next heartbeat.',
        parameters: run,
        requestBody: jsonBody('Who', ByBody),
      },
      { '200': answer('The run', ref('TrainingRun')), ...none, ...refusals, '409': problem('It has ended') },
    ),
  },
  '/v1/training-runs/{id}/retry': {
    post: operation(
      'Ask for an ended training run once more',
      {
        operationId: 'retryTrainingRun',
        description: 'With its seed and settings; for one that failed, was cancelled or was lost.',
        parameters: run,
        requestBody: jsonBody('Who', ByBody),
      },
      {
        '202': answer('The new run', ref('TrainingRun')),
        ...none,
        ...refusals,
        '409': problem('It has not ended, or succeeded'),
      },
    ),
  },
  '/v1/models': {
    get: operation(
      'Stored model versions, newest first',
      { operationId: 'listModels', parameters: queryParameters(ModelQuery) },
      { '200': answer('A page', ref('ModelPage')) },
    ),
  },
  '/v1/models/changes': {
    get: operation(
      'The log of role changes, newest first',
      { operationId: 'listRoleChanges', parameters: queryParameters(RoleChangeQuery) },
      { '200': answer('The newest', ref('RoleChangePage')) },
    ),
  },
  '/v1/models/{version}': {
    get: operation(
      'One model version: reports, verdict of the gate, changes of its role',
      { operationId: 'getModel', parameters: model },
      { '200': answer('The version', ref('ModelDetail')), ...none },
    ),
  },
  '/v1/models/{a}/compare/{b}': {
    get: operation(
      'What two versions said of the same live rows',
      {
        operationId: 'compareModels',
        description: 'Each as champion or as challenger. A row counts where both had a calibration.',
        parameters: [pathParameter('a', 'Model version'), pathParameter('b', 'Another'), ...queryParameters(CompareQuery)],
      },
      { '200': answer('Agreement, flips with examples, alerts a day, frauds caught', ref('VersionComparison')), ...none },
    ),
  },
  '/v1/models/rollback': roleChange('Make the champion before the champion again', 'rollbackModel', ByBody, {
    description: 'Once more goes back once more.',
  }),
  '/v1/models/{version}/promote': roleChange('Make a version the champion', 'promoteModel', PromoteBody, { parameters: model }),
  '/v1/models/{version}/challenge': roleChange('Let a version score beside the champion', 'challengeModel', ByBody, {
    parameters: model,
  }),
  '/v1/models/{version}/relieve': roleChange("Take a challenger's role from it", 'relieveModel', ByBody, { parameters: model }),
  '/v1/models/{version}/retire': roleChange('Never use a version again', 'retireModel', RetireBody, { parameters: model }),
});

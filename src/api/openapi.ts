import { z } from 'zod';
import * as answers from './answers.js';
import {
  answer,
  batchBody,
  content,
  type Json,
  operation,
  pathParameter,
  plain,
  problem,
  queryParameters,
  ref,
  refusals,
} from './openapi-parts.js';
import { AlertPatternQuery, AlertQuery, DeadLetterQuery, LabelRequest, TransactionQuery } from './requests.js';
import * as driftAnswers from './drift-answers.js';
import { driftPaths } from './drift-paths.js';
import * as trainingAnswers from './training-answers.js';
import { trainingPaths } from './training-paths.js';

/** Schemas with a name go to `components.schemas`; zod's local references are pointed there. */
const named = (): Json => {
  const registry = z.registry<{ id: string }>();
  for (const schema of Object.values({ ...answers, ...trainingAnswers, ...driftAnswers }) as z.ZodType[]) {
    const id = z.globalRegistry.get(schema)?.id;
    if (id !== undefined) registry.add(schema, { id });
  }
  const { schemas } = z.toJSONSchema(registry, {
    target: 'draft-2020-12',
    io: 'output',
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    Object.entries(schemas)
      .filter(([id]) => !id.startsWith('__'))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, { $schema: _schema, $id: _id, id: _name, ...schema }]: [string, Json]) => [id, schema]),
  );
};

const paths = (): Json => ({
  '/v1/transactions': {
    post: operation(
      'Score one transaction or a batch',
      {
        operationId: 'postTransactions',
        description:
          'Idempotent on the transaction id. A batch is accepted or refused as a whole by its form; where an id of it came before with other content, the answer is 409 and carries the decisions of the other rows.',
        requestBody: batchBody(
          'Fields as the transaction schema of this service names them: GET /v1/schema',
          ref('TransactionMessage'),
        ),
      },
      {
        '200': answer('The decision, or one for each transaction in order', { oneOf: [ref('Decision'), ref('Decisions')] }),
        ...refusals,
        '409': problem(
          'An id came before with other content. The other rows of a batch were decided all the same: `items` carries their decisions, in order',
          'Conflict',
        ),
      },
    ),
    get: operation(
      'Scored transactions, newest first',
      { operationId: 'listTransactions', parameters: queryParameters(TransactionQuery) },
      { '200': answer('A page', ref('TransactionPage')) },
    ),
  },
  '/v1/transactions/{id}': {
    get: operation(
      'One transaction: scores, reasons, features, labels',
      { operationId: 'getTransaction', parameters: [pathParameter('id', 'Transaction id')] },
      { '200': answer('The transaction', ref('TransactionDetail')), '404': problem('There is none') },
    ),
  },
  '/v1/alerts': {
    get: operation(
      'Alerts, newest first',
      { operationId: 'listAlerts', parameters: queryParameters(AlertQuery) },
      { '200': answer('A page', ref('AlertPage')) },
    ),
  },
  '/v1/alerts/{id}': {
    get: operation(
      'One alert',
      { operationId: 'getAlert', parameters: [pathParameter('id', 'Alert id, a UUID')] },
      { '200': answer('The alert', ref('AlertView')), '404': problem('There is none') },
    ),
  },
  '/v1/alert-patterns': {
    get: operation(
      'Alerts that are alike, most first',
      {
        operationId: 'listAlertPatterns',
        description: 'With `newType=true`: what neither ordinary traffic nor known fraud looks like, so no label has taught it.',
        parameters: queryParameters(AlertPatternQuery),
      },
      { '200': answer('The most frequent ones', ref('AlertPatternPage')) },
    ),
  },
  '/v1/labels': {
    post: operation(
      'Say what became known of transactions',
      {
        operationId: 'postLabels',
        description: 'Append-only: a correction is a later label.',
        requestBody: batchBody('One label or a batch', ref('LabelMessage')),
      },
      { '200': answer('What was stored', ref('LabelsStored')), ...refusals },
    ),
  },
  '/v1/dead-letters': {
    get: operation(
      'Records that could not be used, newest first',
      { operationId: 'listDeadLetters', parameters: queryParameters(DeadLetterQuery) },
      { '200': answer('A page', ref('DeadLetterPage')) },
    ),
  },
  ...trainingPaths(),
  ...driftPaths(),
  '/v1/status': {
    get: operation(
      'The stream at this moment',
      { operationId: 'getStatus' },
      { '200': answer('Counts, rates and versions', ref('Status')) },
    ),
  },
  '/v1/stream': {
    get: operation(
      'Live alerts and status as server-sent events',
      {
        operationId: 'stream',
        description: 'Events: `alert` (data: AlertView, id: its sequence) and `status` (data: Status) every second.',
        parameters: [
          {
            name: 'Last-Event-ID',
            in: 'header',
            required: false,
            description: 'Resume after this sequence',
            schema: { type: 'string' },
          },
        ],
      },
      { '200': { description: 'The stream', content: content({ type: 'string' }, 'text/event-stream') } },
    ),
  },
  '/v1/schema': {
    get: operation(
      'The transaction schema',
      { operationId: 'getSchema' },
      { '200': answer('As in config/schemas', { type: 'object' }) },
    ),
  },
  '/v1/openapi.json': {
    get: operation('This document', { operationId: 'getOpenApi' }, { '200': answer('OpenAPI 3.1', { type: 'object' }) }),
  },
  '/health/live': {
    get: {
      operationId: 'live',
      summary: 'The process answers',
      security: [],
      responses: { '200': answer('Alive', ref('Live')) },
    },
  },
  '/health/ready': {
    get: {
      operationId: 'ready',
      summary: 'The service can score',
      security: [],
      responses: { '200': answer('Ready', ref('Readiness')), '503': answer('Not ready, with what is missing', ref('Readiness')) },
    },
  },
});

/** The API document, OpenAPI 3.1: the same bytes for the same build. `docs/openapi.json` holds it. */
export const openApi = (): Json => ({
  openapi: '3.1.0',
  info: {
    title: 'Surprisal',
    version: '1',
    description:
      'Real-time fraud detection by generative likelihoods. Errors are problem+json (RFC 9457); lists are `{items, nextCursor}`.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  security: [{ key: [] }],
  paths: paths(),
  components: {
    securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
    schemas: {
      ...named(),
      LabelMessage: plain(LabelRequest),
      TransactionMessage: { type: 'object', description: 'Columns of the transaction schema as fields; at most 64 KiB' },
    },
  },
});

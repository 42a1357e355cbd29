import { DriftQuery } from './drift-requests.js';
import { answer, type Json, operation, queryParameters, ref } from './openapi-parts.js';

/** The path of drift. */
export const driftPaths = (): Json => ({
  '/v1/drift': {
    get: operation(
      'What has drifted since the champion was trained',
      {
        operationId: 'getDrift',
        description: 'Every closed event day is looked at once. Drift never changes a model by itself.',
        parameters: queryParameters(DriftQuery),
      },
      { '200': answer('Alarms, the newest report, the days before', ref('Drift')) },
    ),
  },
});

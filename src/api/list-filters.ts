import type { TransactionSchema } from '../domain/transaction-schema.js';
import type { AlertFilter, AlertPatternFilter, DeadLetterFilter, TransactionFilter } from '../store/query-types.js';
import { fieldProblem } from './problem.js';
import type { AlertPatternQuery, AlertQuery, DeadLetterQuery, TransactionQuery } from './requests.js';

type Paging = Pick<TransactionFilter, 'entity' | 'fromMs' | 'toMs' | 'cursor' | 'limit'>;

const pagingOf = (query: AlertQuery | TransactionQuery, schema: TransactionSchema): Paging => ({
  ...(query.entity !== undefined && { entity: entityOf(query.entity, schema) }),
  ...rangeOf(query),
});

const rangeOf = (query: AlertPatternQuery | AlertQuery | DeadLetterQuery | TransactionQuery): Omit<Paging, 'entity'> => ({
  limit: query.limit,
  ...(query.from !== undefined && { fromMs: Date.parse(query.from) }),
  ...(query.to !== undefined && { toMs: Date.parse(query.to) }),
  ...('cursor' in query && query.cursor !== undefined && { cursor: query.cursor }),
});

const entityOf = (text: string, schema: TransactionSchema): { type: string; id: string } => {
  const colon = text.indexOf(':');
  const type = text.slice(0, colon);
  const known = schema.entities.map((entity) => entity.name);
  if (!known.includes(type))
    throw fieldProblem(400, [
      {
        field: 'entity',
        value: type,
        expected: `an entity type of schema ${schema.name} (${known.join(', ') || 'it has none'})`,
      },
    ]);
  return { type, id: text.slice(colon + 1) };
};

export const alertFilter = (query: AlertQuery, schema: TransactionSchema): AlertFilter => ({
  ...pagingOf(query, schema),
  ...(query.outcome !== undefined && { outcome: query.outcome }),
  ...(query.lane !== undefined && { lane: query.lane }),
  ...(query.pattern !== undefined && { pattern: query.pattern }),
  ...(query.newType !== undefined && { newType: query.newType }),
});

export const alertPatternFilter = (query: AlertPatternQuery): AlertPatternFilter => ({
  ...rangeOf(query),
  ...(query.newType !== undefined && { newType: query.newType }),
});

export const transactionFilter = (query: TransactionQuery, schema: TransactionSchema): TransactionFilter => ({
  ...pagingOf(query, schema),
  ...(query.score !== undefined && { minusLog10PMin: query.score }),
  ...(query.decision !== undefined && { outcome: query.decision }),
});

export const deadLetterFilter = (query: DeadLetterQuery): DeadLetterFilter => ({
  ...rangeOf(query),
  ...(query.reason !== undefined && { reason: query.reason }),
});

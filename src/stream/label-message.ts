import { z } from 'zod';
import type { Label } from '../domain/label.js';
import { type FieldProblem, problemSentence } from '../domain/transaction.js';

/** A message of the topic `labels`; docs/topics.md shows it as JSON schema. */
export const LabelMessage = z.strictObject({
  transactionId: z.string().min(1).max(128),
  isFraud: z.boolean(),
  /** Kind of fraud where it is known. */
  type: z.string().min(1).max(64).nullish(),
  source: z.string().min(1).max(64),
  knownAt: z.iso.datetime({ offset: true }),
});

/** What each field must be, in the words of a dead letter. */
const EXPECTED: Readonly<Record<string, string>> = {
  transactionId: 'a text of 1 to 128 characters',
  isFraud: 'true or false',
  type: 'a text of 1 to 64 characters, null or absent',
  source: 'a text of 1 to 64 characters',
  knownAt: 'an RFC 3339 time with a zone, "2026-01-31T12:00:00Z"',
};

const BYTES_MAX = 16_384;
const decoder = new TextDecoder('utf-8', { fatal: true });

export type LabelResult = { readonly ok: true; readonly label: Label } | { readonly ok: false; readonly reason: string };

/** Reads one label; what is wrong with it is a value, in one sentence that names every field. */
export const readLabel = (bytes: Uint8Array): LabelResult => {
  if (bytes.length > BYTES_MAX)
    return { ok: false, reason: `message: ${bytes.length} bytes is not a label of at most ${BYTES_MAX} bytes` };
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    return { ok: false, reason: `message: ${bytes.length} bytes are not JSON in UTF-8` };
  }
  const parsed = LabelMessage.safeParse(value);
  if (!parsed.success) return { ok: false, reason: problemSentence(problemsOf(parsed.error, value)) };
  const { transactionId, isFraud, type, source, knownAt } = parsed.data;
  return { ok: true, label: { transactionId, isFraud, type: type ?? null, source, knownAtMs: Date.parse(knownAt) } };
};

const problemsOf = (error: z.ZodError, value: unknown): readonly FieldProblem[] =>
  error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((field) => ({ field, value: shown(fieldOf(value, field)), expected: 'a field of a label' }));
    const field = String(issue.path[0] ?? 'message');
    return [
      {
        field,
        value: shown(issue.path.length > 0 ? fieldOf(value, field) : value),
        expected: EXPECTED[field] ?? 'a JSON object',
      },
    ];
  });

const fieldOf = (value: unknown, field: string): unknown => (value as Readonly<Record<string, unknown>>)[field];

const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80));

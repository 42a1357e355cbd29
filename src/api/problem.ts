import { problemSentence, type FieldProblem } from '../domain/transaction.js';

/** An RFC 9457 problem: what every error of this door answers, as `application/problem+json`. */
export class Problem extends Error {
  override readonly name = 'Problem';

  /** @param members extension members of the document; `problems` names each field, its value and what was expected */
  constructor(
    readonly status: number,
    readonly title: string,
    detail: string,
    readonly members: Readonly<Record<string, unknown>> = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
  }

  document(): Record<string, unknown> {
    return { type: 'about:blank', title: this.title, status: this.status, detail: this.message, ...this.members };
  }
}

/** A batch with a thousand bad rows is told about its first hundred. */
const PROBLEMS_SHOWN_MAX = 100;

/** 400 for what is wrong with the request itself, 422 for well-formed content that cannot be accepted. */
export const fieldProblem = (status: 400 | 422, problems: readonly FieldProblem[]): Problem => {
  const shown = problems.slice(0, PROBLEMS_SHOWN_MAX);
  const more = problems.length > shown.length ? `; and ${problems.length - shown.length} more` : '';
  const title = status === 400 ? 'Bad request' : 'Content not accepted';
  return new Problem(status, title, problemSentence(shown.slice(0, 5)) + more, { problems: shown });
};

const VALUE_SHOWN_MAX = 80;

/** A value as an error may show it: JSON, at most 80 characters. */
export const shortened = (value: unknown): string => {
  const text = value === undefined ? 'missing' : (JSON.stringify(value) ?? typeof value);
  return text.length > VALUE_SHOWN_MAX ? `${text.slice(0, VALUE_SHOWN_MAX - 1)}…` : text;
};

/** What a query found, or 404. */
export const found = <T>(value: T | null, what: string, id: string): T => {
  if (value === null) throw new Problem(404, 'Not Found', `There is no ${what} ${shortened(id)}`);
  return value;
};

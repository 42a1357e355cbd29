import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import type { FieldProblem } from '../domain/transaction.js';
import { fieldProblem, shortened } from './problem.js';

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);

const fieldOf = (path: readonly PropertyKey[], whole: string): string =>
  path
    .map((key) => (typeof key === 'number' ? `[${key}]` : String(key)))
    .join('.')
    .replaceAll('.[', '[') || whole;

/** Each issue's message is written as what was expected; unknown names are listed one by one. */
export const problemsOf = (error: z.ZodError, value: unknown, whole: string): FieldProblem[] =>
  error.issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys')
      return [{ field: fieldOf(issue.path, whole), value: shortened(at(value, issue.path)), expected: issue.message }];
    return issue.keys.map((key) => ({
      field: fieldOf([...issue.path, key], whole),
      value: shortened(at(value, [...issue.path, key])),
      expected: 'a known name here',
    }));
  });

/** One zod schema is type, check and API document. 400 for parameters, 422 for content. */
export class ZodPipe<S extends z.ZodType> implements PipeTransform<unknown, z.output<S>> {
  constructor(
    private readonly schema: S,
    private readonly status: 400 | 422 = 400,
  ) {}

  /** A named parameter is called by its name, a whole body `body`. */
  transform(value: unknown, parameter?: Pick<ArgumentMetadata, 'data'>): z.output<S> {
    const result = this.schema.safeParse(value);
    if (result.success) return result.data;
    throw fieldProblem(this.status, problemsOf(result.error, value, parameter?.data ?? 'body'));
  }
}

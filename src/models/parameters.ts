import { type z } from 'zod';

/**
 * Hyper-parameters with their defaults filled in.
 *
 * @throws TypeError naming the estimator, the parameter, the value given and what was expected
 */
export const parseParameters = <T>(estimator: string, schema: z.ZodType<T>, given: Readonly<Record<string, unknown>> = {}): T => {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const path = issue.code === 'unrecognized_keys' ? issue.keys[0]! : issue.path.join('.');
  const value = JSON.stringify(given[path.split('.')[0]!]) ?? 'undefined';
  throw new TypeError(`${estimator}: parameter "${path}" is ${value}: ${issue.message}`);
};

/** Input that cannot be used as a whole (a file, a schema, a label): one sentence naming what was wrong and what was expected. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

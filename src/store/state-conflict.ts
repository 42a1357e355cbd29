/** Something is named that is not stored. */
export class NotStoredError extends Error {
  override readonly name = 'NotStoredError';
}

/** A stored model that cannot be used: damaged, not signed as it has to be, or made for another build. */
export class ModelRefusedError extends Error {
  override readonly name = 'ModelRefusedError';
}

/** What is asked for does not go with how things stand by now. */
export class StateConflictError extends Error {
  override readonly name = 'StateConflictError';
}

import type { Request } from 'express';

/** The whole path as it was asked for, without the query. Express cuts `request.path` down where middleware is mounted. */
export const pathOf = (request: Request): string => request.originalUrl.split('?', 1)[0]!;

import { createHash } from 'node:crypto';

/** "demo-20260220T000000Z-1a2b3c4d": schema, as of when, and a hash of what it was trained from. */
export const versionName = (schema: string, asOfMs: number, trainedFrom: unknown): string => {
  const time = new Date(asOfMs).toISOString().replace(/[-:]|\.\d+/g, '');
  return `${schema}-${time}-${createHash('sha256').update(JSON.stringify(trainedFrom)).digest('hex').slice(0, 8)}`;
};

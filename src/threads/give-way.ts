import { constants, setPriority } from 'node:os';

/**
 * Scoring goes first: the thread that calls it waits for others. On Linux a priority is a thread's own, and threads that it
 * starts inherit it; elsewhere it would be the whole process's.
 */
export const giveWay = (): void => {
  if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW);
};

import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** State (R, S, T, Z, …) and parent of a process, from /proc: the suite runs on Linux. Null when there is none. */
const statOf = async (pid: number): Promise<{ readonly state: string; readonly parent: number } | null> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // The name, in parentheses, may hold anything: fields are counted from behind it (proc(5)).
  const [state, parent] = text?.slice(text.lastIndexOf(')') + 2).split(' ') ?? [];
  return state === undefined || state === 'Z' ? null : { state, parent: Number(parent) };
};

const familyOf = async (pid: number): Promise<readonly number[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(pids.map(async (child) => (await statOf(child))?.parent));
  return [pid, ...pids.filter((_, i) => parents[i] === pid)];
};

/** Signals a process and its children. It is stopped first, so that it makes no more of them in between. */
export const signalFamily = async (pid: number, signal: NodeJS.Signals): Promise<readonly number[]> => {
  // 0 and below are groups: our own, for one.
  if (!(pid > 1)) throw new Error(`${pid} is no process of the suite`);
  send(pid, 'SIGSTOP');
  const family = await familyOf(pid);
  // Children first: a parent that sees one crash might act on it.
  for (const member of [...family].reverse()) send(member, signal);
  return family;
};

/** A process whose first thread has ended is a zombie already while its others still hold its sockets. */
const threadsOf = async (pid: number): Promise<number> => (await readdir(`/proc/${pid}/task`).catch(() => [])).length;

/** `kill -9` of a process and its children; resolves when all of them are gone. */
export const killFamily = async (pid: number): Promise<void> => {
  for (const member of await signalFamily(pid, 'SIGKILL'))
    for (let waitedMs = 0; (await statOf(member)) !== null || (await threadsOf(member)) > 1; waitedMs += 20) {
      if (waitedMs > 10_000) throw new Error(`process ${member} lives on after kill -9`);
      await sleep(20);
    }
};

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

import { readdir, readFile } from 'node:fs/promises';

/** Linux reports CPU in ticks of 1/100 s, whatever the kernel's own clock (USER_HZ). */
const US_PER_TICK = 10_000;

interface Stat {
  readonly parent: number;
  readonly ownTicks: number;
  /** Of children that have ended and were waited for. */
  readonly endedTicks: number;
}

const statOf = async (pid: number | string): Promise<Stat | null> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (text === null) return null;
  // The name, in parentheses, may hold anything: fields are counted from behind it (proc(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const sum = (...at: number[]): number => at.reduce((total, field) => total + Number(fields[field]), 0);
  return { parent: Number(fields[1]), ownTicks: sum(11, 12), endedTicks: sum(13, 14) };
};

/** CPU of all threads of a process so far, in microseconds; null where there is no /proc. */
export const processCpuUs = async (pid: number): Promise<number | null> => {
  const stat = await statOf(pid);
  return stat && stat.ownTicks * US_PER_TICK;
};

/** CPU of a process and its children, those that ended included (Postgres: the postmaster, its backends and writers). */
export const familyCpuUs = async (pid: number): Promise<number | null> => {
  const own = await statOf(pid);
  if (!own) return null;
  const others = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(others.map(statOf));
  const children = stats.filter((stat) => stat?.parent === pid);
  return children.reduce((ticks, child) => ticks + child!.ownTicks, own.ownTicks + own.endedTicks) * US_PER_TICK;
};

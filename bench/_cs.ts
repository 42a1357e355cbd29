import { loadConfig } from '../src/config.js';
import { coldWorld, replayCold } from '../test/support/cold-start.js';
const config = loadConfig();
const [customers, seeds, days] = process.argv.slice(2).map(Number) as [number, number, number];
const policy = config.policy;
const tot = Array.from({length: days}, () => [] as number[]);
for (let s = 1; s <= seeds; s++) {
  const w = coldWorld({ seed: s, customers, days });
  const t = Date.now();
  const r = await replayCold(w, policy);
  r.days.forEach((d, i) => tot[i]!.push(d.alerts / d.rows / policy.budget.share));
  const f = new Set(w.labels.filter(l => l.isFraud).map(l => l.transactionId));
  const caught = r.rows.filter(x => f.has(x.transaction.id) && x.decision.outcome !== 'approve').length;
  console.log(s, r.days.map((d) => `${d.rows}/${d.undecided}:${(d.alerts / d.rows * 100).toFixed(2)}%`).join(' '), r.calibrations.map(c => c.fused.n + (c.isProvisional ? 'p' : '')).join(','), 'frauds', r.rows.filter(x => f.has(x.transaction.id)).length, 'caught', caught, Date.now() - t, 'ms');
}
tot.forEach((v, i) => console.log('day', i + 1, 'max', Math.max(...v).toFixed(2), 'mean', (v.reduce((a, b) => a + b) / v.length).toFixed(2)));

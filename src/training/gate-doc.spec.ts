import { readFileSync } from 'node:fs';
import { FRAUD_SCENARIOS } from '../synthetic/fraud-patterns.js';
import { GateSettingsSchema } from './gate-settings.js';
import { RehearsalSettingsSchema } from './rehearsal-settings.js';

const page = readFileSync(new URL('../../docs/gate.md', import.meta.url), 'utf8');

const leaves = (value: unknown, path: string): [path: string, value: unknown][] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
    ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === '' ? key : `${path}.${key}`))
    : [[path, value]];

describe('docs/gate.md', () => {
  test.each([...leaves(GateSettingsSchema.parse({}), ''), ...leaves(RehearsalSettingsSchema.parse({}), '')])(
    'says that %s is %j by default',
    (path, value) => {
      expect(page).toContain(`| \`${path}\` | ${JSON.stringify(value)} |`);
    },
  );

  test.each(FRAUD_SCENARIOS.map(({ name, description }) => [name, description]))('describes %s', (name, description) => {
    expect(page).toContain(`| ${name} | ${description} |`);
  });
});

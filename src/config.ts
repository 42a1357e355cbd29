import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { PolicySchema, type Policy } from './domain/decision.js';
import { TransactionSchemaDefinition, type TransactionSchema } from './domain/transaction-schema.js';
import type { TensorBackend } from './tensor/backend.js';
import { AugmentSettingsSchema } from './training/augment-settings.js';
import { ColdStartSettingsSchema } from './training/cold-start-settings.js';
import { DriftSettingsSchema } from './training/drift/drift-settings.js';
import { GateSettingsSchema } from './training/gate-settings.js';
import { RehearsalSettingsSchema } from './training/rehearsal-settings.js';
import { isCron } from './training/due-times.js';
import { ScheduleSettingsSchema } from './training/schedule-settings.js';
import { HistorySettingsSchema } from './training/training-settings.js';
import { wholeNumber } from './training/whole-number.js';

/** Wrong configuration: the sentence names the variable or file, the value and what was expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const topic = z.string().regex(/^[a-zA-Z0-9._-]{1,200}$/, 'a Kafka topic name');

const SECONDS = 'a number from 1 to 86400';

const ServiceSchema = z.strictObject({
  http: z.strictObject({ host: z.string().min(1) }),
  database: z.strictObject({ poolSize: wholeNumber(2, 100) }),
  scoring: z.strictObject({ threads: wholeNumber(1, 32), batchSizeMax: wholeNumber(1, 5000) }),
  kafka: z.strictObject({
    groupId: z.string().min(1).max(200),
    concurrency: wholeNumber(1, 64),
    skewMaxSeconds: wholeNumber(1, 30 * 86_400),
    sessionTimeoutMs: wholeNumber(1_000, 1_800_000),
    topics: z.strictObject({ transactions: topic, labels: topic, alerts: topic, dead: topic }),
  }),
  retention: z.strictObject({
    transactions: wholeNumber(1, 36_500),
    evidence: wholeNumber(95, 36_500),
    shadow: wholeNumber(1, 3_650),
    published: wholeNumber(1, 3_650),
    deadLetters: wholeNumber(1, 3_650),
    trainingEvents: wholeNumber(1, 3_650),
    candidates: wholeNumber(1, 3_650),
  }),
  demo: z.strictObject({
    customers: wholeNumber(50, 340),
    merchants: wholeNumber(20, 1000),
    historyDays: wholeNumber(30, 50),
    secondsPerDay: z.number(SECONDS).min(1, SECONDS).max(86400, SECONDS),
    retrainCron: z.string().refine(isCron, 'five fields of cron'),
  }),
});
export type ServiceConfig = z.infer<typeof ServiceSchema>;

const TrainingSchema = z.strictObject({
  schedule: ScheduleSettingsSchema,
  history: HistorySettingsSchema,
  coldStart: ColdStartSettingsSchema.prefault({}),
  augment: AugmentSettingsSchema.prefault({}),
  gate: GateSettingsSchema.prefault({}),
  rehearsal: RehearsalSettingsSchema.prefault({}),
  drift: DriftSettingsSchema.prefault({}),
});
export type TrainingConfig = z.infer<typeof TrainingSchema>;

/** Overrides of `config/<section>.yaml`: SURPRISAL__<SECTION>__<KEY>. */
const PREFIX = 'SURPRISAL__';
const SECTIONS = ['service', 'policy', 'models', 'training'];

const EnvironmentSchema = z.object({
  PORT: z
    .preprocess((text) => (typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : text), wholeNumber(0, 65535))
    .default(3000),
  SURPRISAL_HOME: z.string().min(1).default('.surprisal'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'a postgres:// URL' }).optional(),
  KAFKA_BROKERS: z
    .string()
    .regex(/^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/, 'host:port[,host:port]')
    .optional(),
  SURPRISAL_API_KEY: z.string().min(16, 'at least 16 characters').optional(),
  SURPRISAL_SIGNING_KEY: z.string().min(16, 'at least 16 characters').optional(),
  TENSOR_BACKEND: z.enum(['simd', 'tfjs', 'reference']).default('simd'),
  LOG_LEVEL: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
});

export interface Config {
  readonly port: number;
  /** Absolute; holds the embedded database, the API key and caches. */
  readonly home: string;
  readonly databaseUrl: string | null;
  readonly kafkaBrokers: readonly string[] | null;
  readonly apiKey: string | null;
  /** Signs stored models; null: they have a checksum only. */
  readonly signingKey: string | null;
  readonly tensorBackend: TensorBackend['name'];
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug';
  readonly service: ServiceConfig;
  readonly policy: Policy;
  readonly training: TrainingConfig;
  /** Hyper-parameters by estimator name. */
  readonly models: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The folder that holds package.json: `config/`, `web/dist` and migrations are found from it, never from the working directory. */
export const packageRoot = ((): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
})();

/**
 * Reads the environment and `config/*.yaml` once.
 *
 * @param configDir folder of the YAML files; default the shipped one
 * @throws ConfigError naming the variable or the file and key
 */
export const loadConfig = (configDir = join(packageRoot, 'config'), environment: NodeJS.ProcessEnv = process.env): Config => {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = EnvironmentSchema.safeParse(set);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const name = String(issue.path[0]);
    throw new ConfigError(`environment variable ${name}=${name.includes('KEY') ? '…' : String(set[name])}: ${issue.message}`);
  }
  const env = parsed.data;
  for (const name of Object.keys(set)) {
    const section = name.slice(PREFIX.length).split('__')[0]!.toLowerCase();
    if (name.startsWith(PREFIX) && !SECTIONS.includes(section))
      throw new ConfigError(`environment variable ${name}: there is no section "${section}"; there are ${SECTIONS.join(', ')}`);
  }
  return Object.freeze({
    port: env.PORT,
    home: resolve(env.SURPRISAL_HOME),
    databaseUrl: env.DATABASE_URL ?? null,
    kafkaBrokers: env.KAFKA_BROKERS?.split(',') ?? null,
    apiKey: env.SURPRISAL_API_KEY ?? null,
    signingKey: env.SURPRISAL_SIGNING_KEY ?? null,
    tensorBackend: env.TENSOR_BACKEND,
    logLevel: env.LOG_LEVEL,
    service: readSection(configDir, 'service', ServiceSchema, set),
    policy: named(readSection(configDir, 'policy', PolicySchema, set)),
    training: readSection(configDir, 'training', TrainingSchema, set),
    models: readSection(configDir, 'models', z.record(z.string(), z.record(z.string(), z.unknown())), set),
  });
};

/** "default-1-1a2b3c4d": an override changes what the name stands for, so the name carries a hash of the contents. */
const named = (policy: Policy): Policy => {
  const hash = createHash('sha256').update(JSON.stringify(policy)).digest('hex');
  return { ...policy, version: `${policy.version}-${hash.slice(0, 8)}` };
};

/** A file of the form of `config/policy.yaml`. @throws ConfigError naming the file and the key */
export const loadPolicy = (file: string): Policy => {
  const parsed = PolicySchema.safeParse(readYaml(file));
  if (parsed.success) return named(parsed.data);
  const issue = parsed.error.issues[0]!;
  throw new ConfigError(`${file}: ${issue.path.join('.') || 'policy'}: ${issue.message}`);
};

/** The policy with another share of the traffic; its name says that it is another one. */
export const withBudget = (policy: Policy, share: number): Policy =>
  share === policy.budget.share ? policy : named({ ...policy, budget: { ...policy.budget, share } });

/** COUNT_PER_DAY -> countPerDay; a single capital (a channel) stays as it is. */
const keyOf = (part: string): string =>
  part.length === 1 ? part : part.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const readSection = <T>(configDir: string, section: string, schema: z.ZodType<T>, environment: NodeJS.ProcessEnv): T => {
  const file = join(configDir, `${section}.yaml`);
  const contents = readYaml(file) as Record<string, unknown>;
  const overrides = Object.entries(environment).filter(([name]) => name.startsWith(`${PREFIX}${section.toUpperCase()}__`));
  for (const [name, value] of overrides) {
    const path = name.slice(PREFIX.length).split('__').slice(1).map(keyOf);
    let place = contents;
    for (const key of path.slice(0, -1)) place = (place[key] ??= {}) as Record<string, unknown>;
    place[path.at(-1)!] = valueOf(value!);
  }
  const parsed = schema.safeParse(contents);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const from = overrides.length > 0 ? ` (with ${overrides.map(([name]) => name).join(', ')})` : '';
  throw new ConfigError(`${file}${from}: ${issue.path.join('.') || section}: ${issue.message}`);
};

/** As YAML reads it; what is no YAML (a cron expression that begins with *) is a text. */
const valueOf = (text: string): unknown => {
  try {
    return parseYaml(text);
  } catch {
    return text;
  }
};

const readYaml = (file: string): unknown => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`cannot read ${file}: ${(error as Error).message}`);
  }
  try {
    return (parseYaml(text) as unknown) ?? {};
  } catch (error) {
    throw new ConfigError(`${file} is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
};

/**
 * @param name a shipped schema's name ("handbook") or the path of a YAML file
 * @throws ConfigError naming the file and the key
 */
export const loadSchema = (name: string, configDir = join(packageRoot, 'config')): TransactionSchema => {
  const shipped = join(configDir, 'schemas', `${name}.yaml`);
  const isPath = isAbsolute(name) || /[./\\]/.test(name);
  const file = isPath ? resolve(name) : shipped;
  if (!existsSync(file))
    throw new ConfigError(`there is no transaction schema ${isPath ? 'file ' : ''}"${name}" (looked for ${file})`);
  const parsed = TransactionSchemaDefinition.safeParse(readYaml(file));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new ConfigError(`${file}: ${issue.path.join('.') || 'schema'}: ${issue.message}`);
};

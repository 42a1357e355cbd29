import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { loadConfig } from '../src/config.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
}

const compose = parse(read('docker-compose.yml')) as {
  readonly services: Readonly<Record<'kafka' | 'postgres' | 'surprisal', Service>>;
  readonly volumes: Readonly<Record<string, null>>;
};
const { kafka, postgres, surprisal } = compose.services;
const dockerfile = read('Dockerfile');

/** What Compose does with ${NAME:-default} when nothing is set. */
const byDefault = (text: string): string => text.replace(/\$\{\w+:-([^}]*)\}/g, '$1');
const environment = Object.fromEntries(Object.entries(surprisal.environment).map(([name, value]) => [name, byDefault(value)]));

describe('docker-compose.yml', () => {
  it('sets only what the service knows, with values it accepts', () => {
    const known = /^(PORT|SURPRISAL_HOME|DATABASE_URL|KAFKA_BROKERS|SURPRISAL_API_KEY|TENSOR_BACKEND|LOG_LEVEL|SURPRISAL__\w+)$/;
    for (const name of Object.keys(environment)) expect(name).toMatch(known);
    const config = loadConfig(undefined, environment);
    expect(config.service.http.host).toBe('0.0.0.0');
    expect(config.kafkaBrokers).toEqual(['kafka:9092']);
    expect(config.apiKey).toBeNull();
    expect(config.port).toBe(3000);
    expect(surprisal.ports).toEqual([`127.0.0.1:${config.port}:${config.port}`]);
  });

  it('points the service at the database and the listener that exist', () => {
    const url = new URL(environment['DATABASE_URL']!);
    expect(compose.services).toHaveProperty(url.hostname);
    expect(url.username).toBe(postgres.environment['POSTGRES_USER']);
    expect(url.password).toBe(byDefault(postgres.environment['POSTGRES_PASSWORD']!));
    expect(url.pathname.slice(1)).toBe(postgres.environment['POSTGRES_DB']);
    const advertised = kafka.environment['KAFKA_ADVERTISED_LISTENERS']!.split(',').map((listener) => listener.split('://')[1]);
    expect(advertised).toContain(environment['KAFKA_BROKERS']);
    for (const listener of kafka.environment['KAFKA_ADVERTISED_LISTENERS']!.split(',')) {
      const [name, port] = [listener.split(':')[0], listener.split(':').at(-1)];
      expect(kafka.environment['KAFKA_LISTENERS']).toContain(`${name}://:${port}`);
      expect(kafka.environment['KAFKA_LISTENER_SECURITY_PROTOCOL_MAP']).toContain(`${name}:PLAINTEXT`);
    }
    expect(kafka.ports).toEqual(['127.0.0.1:19092:19092']);
    expect(advertised).toContain('localhost:19092');
  });

  it('runs the Kafka of the tests and Postgres 17, and waits until both are healthy', () => {
    const [, version] = /<kafka\.version>([^<]+)</.exec(read('scripts/kafka-local.pom.xml'))!;
    expect(kafka.image).toBe(`apache/kafka:${version}`);
    expect(postgres.image).toBe('postgres:17');
    expect(surprisal.depends_on).toEqual({ kafka: { condition: 'service_healthy' }, postgres: { condition: 'service_healthy' } });
    for (const service of [kafka, postgres]) expect(service.healthcheck!.test[0]).toBe('CMD');
  });

  it('keeps every volume by name and publishes on this machine only', () => {
    const mounts = Object.values(compose.services).flatMap(({ volumes }) => volumes.map((volume) => volume.split(':')[0]!));
    expect([...mounts].sort()).toEqual(Object.keys(compose.volumes).sort());
    for (const { ports } of Object.values(compose.services))
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(surprisal.volumes).toEqual([`surprisal:${/^ENV SURPRISAL_HOME=(\S+)$/m.exec(dockerfile)![1]}`]);
  });

  it('serves a schema that ships', () => {
    const command = surprisal.command!.map(byDefault);
    expect(command.slice(0, 4)).toEqual(['serve', '--role', 'all', '--schema']);
    expect(existsSync(join(root, `config/schemas/${command[4]}.yaml`))).toBe(true);
  });
});

describe('Dockerfile', () => {
  it('is built in stages and does not run as root', () => {
    const lines = dockerfile.split('\n');
    expect(lines.filter((line) => line.startsWith('FROM '))).toEqual(['FROM node:22-slim AS build', 'FROM node:22-slim']);
    expect(lines.indexOf('USER node')).toBeGreaterThan(lines.lastIndexOf('FROM node:22-slim'));
    expect(lines.indexOf('USER node')).toBeLessThan(lines.findIndex((line) => line.startsWith('ENTRYPOINT')));
  });

  it('starts what the package starts and asks a health address that is served without the key', () => {
    const { bin } = JSON.parse(read('package.json')) as { readonly bin: { readonly surprisal: string } };
    expect(dockerfile).toContain(`ENTRYPOINT ["node", "--enable-source-maps", "${bin.surprisal}"]`);
    expect(dockerfile).toContain('/health/live');
    expect(JSON.parse(read('docs/openapi.json'))).toHaveProperty(['paths', '/health/live']);
  });
});

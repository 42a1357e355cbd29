import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { parse } from 'yaml';
import { transactionParser } from '../domain/parse-transaction.js';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';
import type { OutboxRow } from '../scoring/ports.js';
import { alertJson, deadLetterJson } from '../store/row-json.js';
import { alertOf, row } from '../../test/support/store-samples.js';
import { LabelMessage } from './label-message.js';
import { messageOf } from './outbox-messages.js';
import { DEFAULT_TOPICS } from './topics.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

interface JsonSchema {
  readonly title?: string;
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, object>>;
}

const blocks = [...read('docs/topics.md').matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => JSON.parse(json!) as JsonSchema);
const titled = (title: string): JsonSchema => blocks.find((block) => block.title === title)!;

describe('docs/topics.md', () => {
  it('shows a transaction that the schema it names accepts, field by field', () => {
    const example = blocks[0]! as unknown as Readonly<Record<string, string>>;
    const parser = transactionParser(TransactionSchemaDefinition.parse(parse(read('config/schemas/demo.yaml'))));
    const parsed = parser.fromObject(example);
    expect(parsed).toMatchObject({ ok: true });
    if (parsed.ok) expect(Object.keys(parser.toJson(parsed.transaction)).sort()).toEqual(Object.keys(example).sort());
    expect(Object.keys(titled('Transaction of schema demo').properties)).toEqual(Object.keys(example));
  });

  it('shows the labels that are read', () => {
    const { required, properties } = titled('Label');
    expect(Object.keys(properties)).toEqual(Object.keys(LabelMessage.shape));
    const optional = Object.entries(LabelMessage.shape).filter(([, field]) => field.safeParse(undefined).success);
    expect(Object.keys(properties).filter((name) => !required.includes(name))).toEqual(optional.map(([name]) => name));
  });

  it('names the headers that are sent', () => {
    const headersUnder = (title: string): string[] => {
      const section = read('docs/topics.md').split(`\n## ${title}\n`)[1]!.split('\n## ')[0]!;
      return [...section.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name!).sort();
    };
    const sent = (kind: OutboxRow['kind'], payload: OutboxRow['payload'], stored: object): string[] => {
      const { headers } = stored as Pick<OutboxRow, 'headers'>;
      return Object.keys(messageOf({ id: 1n, kind, key: null, payload, headers }, DEFAULT_TOPICS).headers).sort();
    };
    expect(headersUnder('`alerts`')).toEqual(sent('alert', '{}', alertJson(alertOf(row('a')), [])));
    const record = { bytes: new Uint8Array(0), key: null, position: 'transactions/0/1' };
    const long = new Uint8Array(1_000_000);
    expect(headersUnder('`transactions.dead`')).toEqual(sent('dead-letter', long, deadLetterJson({ record, reason: 'no' })));
  });

  it('shows how a consumer leaves repeats out', async () => {
    const example = /```js\n([\s\S]*?)```/.exec(read('docs/topics.md'))![1]!;
    const consume = compileFunction(`return (async () => {${example}})()`, ['message', 'partition', 'handled', 'handle']) as (
      message: { readonly headers: { readonly sequence: Buffer } },
      partition: number,
      handled: Map<number, bigint>,
      handle: (message: object) => Promise<void>,
    ) => Promise<void>;
    const handled = new Map<number, bigint>();
    const seen: string[] = [];
    // Two leaders: the second repeats what the first did not mark, and the first wakes up late.
    for (const [partition, sequence] of [...[3, 7, 7, 9, 3, 7, 12].map((n) => [0, n]), ...[4, 4, 5].map((n) => [1, n])]) {
      const message = { headers: { sequence: Buffer.from(String(sequence)) } };
      await consume(message, partition!, handled, () => {
        seen.push(`${partition}/${sequence}`);
        return Promise.resolve();
      });
    }
    expect(seen).toEqual(['0/3', '0/7', '0/9', '0/12', '1/4', '1/5']);
  });
});

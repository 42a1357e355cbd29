import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { transactionParser } from '../domain/parse-transaction.js';
import { TransactionSchemaDefinition } from '../domain/transaction-schema.js';
import { LabelMessage } from './label-message.js';

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
});

import { EntitySchema, type EntitySchemaColumnOptions } from 'typeorm';

/** Columns and tables as TypeORM reads them: bigint is text, timestamptz is Date, bytea is Buffer. */
export const key = (type: EntitySchemaColumnOptions['type'], name?: string): EntitySchemaColumnOptions => ({
  ...column(type, name),
  primary: true,
});
export const column = (type: EntitySchemaColumnOptions['type'], name?: string): EntitySchemaColumnOptions => ({
  type,
  ...(name !== undefined && { name }),
});
export const optional = (type: EntitySchemaColumnOptions['type'], name?: string): EntitySchemaColumnOptions => ({
  ...column(type, name),
  nullable: true,
});
export const list = (type: EntitySchemaColumnOptions['type'], name?: string): EntitySchemaColumnOptions => ({
  ...column(type, name),
  array: true,
});
/** Filled by the database. */
export const now = (name: string): EntitySchemaColumnOptions => ({ type: 'timestamptz', name, default: () => 'now()' });
/** Made by the database of the row's other columns. */
export const computed = (type: EntitySchemaColumnOptions['type'], name: string): EntitySchemaColumnOptions => ({
  ...column(type, name),
  insert: false,
  update: false,
});
export const serial = (name?: string): EntitySchemaColumnOptions => ({ ...key('bigint', name), generated: 'increment' });

export const table = <T extends object>(
  name: string,
  columns: { readonly [K in keyof T]-?: EntitySchemaColumnOptions },
): EntitySchema<T> => new EntitySchema<T>({ name, tableName: name, columns });

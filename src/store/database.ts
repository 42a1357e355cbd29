import type { EntityManager } from 'typeorm';

/** What a store asks: a pool of connections, or one transaction, which several stores may share. */
export type Database = Pick<EntityManager, 'query' | 'transaction' | 'getRepository' | 'createQueryBuilder'>;

import type { Policy } from './domain/decision.js';
import { DAY_MS } from './domain/time.js';
import type { TransactionSchema } from './domain/transaction-schema.js';
import type { VersionComparison } from './domain/version-comparison.js';
import { labelDelayMs } from './features/plan.js';
import type { ModelRegistry } from './store/model-registry.js';
import { InvalidQueryError } from './store/paging.js';
import { NotStoredError } from './store/state-conflict.js';
import { compareVersions } from './training/compare-versions.js';
import { type ShadowStore, VersionComparer } from './training/ports.js';

const EXAMPLES_MAX = 10;

/** Compares stored versions of one transaction schema by what they said of the live stream. */
export class StoredVersionComparer extends VersionComparer {
  constructor(
    private readonly schema: TransactionSchema,
    private readonly stores: { readonly registry: ModelRegistry; readonly shadows: ShadowStore },
    private readonly policy: Policy,
  ) {
    super();
  }

  override async compare(a: string, b: string, days: number): Promise<VersionComparison> {
    if (a === b) throw new InvalidQueryError('b', b, 'another model version than a');
    for (const version of [a, b])
      if ((await this.stores.registry.one(version))?.schema !== this.schema.name)
        throw new NotStoredError(`there is no model version "${version}" of schema "${this.schema.name}"`);
    const newestMs = (await this.stores.shadows.newestMs()) ?? 0;
    const wanted = {
      ...{ a, b, fromMs: newestMs - days * DAY_MS, toMs: newestMs + 1 },
      maturedBeforeMs: newestMs - labelDelayMs(this.schema),
    };
    const pairs = await this.stores.shadows.pairs(wanted, this.schema, EXAMPLES_MAX);
    return compareVersions(wanted, pairs, this.policy.budget);
  }
}

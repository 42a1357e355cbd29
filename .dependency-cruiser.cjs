/** The arrows of ARCHITECTURE.md as rules. */
const pure = ['features', 'models', 'synthetic'];
const only = (name, from, allowed, extra = {}) => ({
  name,
  severity: 'error',
  from: { path: from, pathNot: '\\.spec\\.ts$' },
  to: { path: '^(src|migrations|web|test|bench|scripts)/', pathNot: allowed, ...extra },
});
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphan-types-of-tests',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(test|bench|scripts|web)/' },
    },
    only('domain-imports-nobody', '^src/domain/', '^src/domain/'),
    {
      name: 'domain-imports-only-zod',
      severity: 'error',
      from: { path: '^src/domain/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-no-pkg'], pathNot: 'node_modules/zod/' },
    },
    only('tensor-imports-nobody', '^src/tensor/', '^src/tensor/'),
    {
      name: 'tensor-is-imported-by-models-alone',
      severity: 'error',
      from: { path: '^src/(domain|features|synthetic|scoring|training|store|stream|api)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^src/tensor/', dependencyTypesNot: ['type-only'] },
    },
    only('features-import-domain', '^src/features/', '^src/(features|domain)/'),
    only('models-import-domain-and-tensor', '^src/models/', '^src/(models|domain|tensor)/'),
    only('synthetic-imports-domain', '^src/synthetic/', '^src/(synthetic|domain)/', { dependencyTypesNot: ['type-only'] }),
    only('scoring-imports-pure-things', '^src/scoring/', '^src/(scoring|domain|features|models|synthetic)/', {
      dependencyTypesNot: ['type-only'],
    }),
    only(
      'training-imports-pure-things-and-scoring',
      '^src/training/',
      '^src/(training|scoring|domain|features|models|synthetic)/',
      { dependencyTypesNot: ['type-only'] },
    ),
    {
      name: 'lines-know-no-doors',
      severity: 'error',
      from: { path: `^src/(${['domain', 'tensor', ...pure, 'scoring', 'training'].join('|')})/`, pathNot: '\\.spec\\.ts$' },
      to: { path: 'node_modules/(@nestjs|typeorm|pg|kafkajs|express)/' },
    },
    only('store-imports-ports', '^src/store/', '^(migrations/|src/(store|domain)/|src/(scoring|training)/ports\\.ts$)'),
    only(
      'stream-imports-ports-and-entries',
      '^src/stream/',
      '^src/(stream|domain)/|^src/(scoring|training)/(ports|score-transactions|retrain)\\.ts$',
    ),
    only(
      'api-imports-store-ports-and-entries',
      '^src/api/',
      '^src/(api|store|domain)/|^src/(scoring|training)/(ports|score-transactions|retrain)\\.ts$',
    ),
    {
      name: 'nobody-imports-the-root',
      severity: 'error',
      from: { path: '^src/(?!(cli|threads|backtest)/)[^/]+/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^src/([^/]+\\.ts$|(cli|threads|backtest)/)' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|web)/' },
  },
};

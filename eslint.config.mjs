import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const noChance = [
  { object: 'Date', property: 'now', message: 'Time is an argument (rule 7).' },
  { object: 'Math', property: 'random', message: 'Chance is an argument (rule 7).' },
];
const noEnvironment = { object: 'process', property: 'env', message: 'Only config.ts reads the environment.' };

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      '.surprisal/**',
      '.local/**',
      'web/dist/**',
      '**/*.cjs',
      '**/*.mjs',
      '**/*.js',
      'web/vite.config.ts',
      'src/tensor/kernels/**',
      'src/models/baselines/kernels/**',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: [] }, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-properties': ['error', noEnvironment],
    },
  },
  {
    files: ['src/{domain,features,tensor,models,synthetic,scoring,training}/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: { 'no-restricted-properties': ['error', noEnvironment, ...noChance] },
  },
  { files: ['src/config.ts', 'test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'], rules: { 'no-restricted-properties': 'off' } },
  { files: ['**/*.module.ts', '**/*.spec.ts', 'src/api/**/*.ts'], rules: { '@typescript-eslint/no-extraneous-class': 'off' } },
);

// AssemblyScript, compiled by scripts/build-kernels.mjs into ../kernels.wasm.ts. Addresses are bytes; all numbers are float32.
export * from './binary';
export * from './columns';
export * from './mat-mul';
export * from './reductions';
export * from './unary';

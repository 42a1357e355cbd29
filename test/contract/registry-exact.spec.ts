import { bindContract, parts } from './bind.js';

await bindContract(parts.exact);

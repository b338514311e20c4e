import { baseVitest } from '../../vitest.base.ts';

export default baseVitest('@salmon-sae/explorer', import.meta.dirname);

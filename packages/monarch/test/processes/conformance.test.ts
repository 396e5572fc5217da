import { conformance } from '../contracts/conformance.ts';

conformance('process');

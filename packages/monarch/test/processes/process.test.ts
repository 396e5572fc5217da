import { conformance } from '../conformance.ts';

conformance('process');

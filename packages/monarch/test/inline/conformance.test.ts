import { conformance } from '../contracts/conformance.ts';

conformance('inline');

import { calling } from '../contracts/calling.ts';

calling('inline');

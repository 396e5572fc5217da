import { calling } from './calling.ts';

calling('inline');

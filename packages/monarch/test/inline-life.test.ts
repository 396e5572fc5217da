import { life } from './life.ts';

life('inline');

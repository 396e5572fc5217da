import { life } from '../contracts/life.ts';

life('inline');

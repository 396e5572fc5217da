import { references } from './references.ts';

references('inline');

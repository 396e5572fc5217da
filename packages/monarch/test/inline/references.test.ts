import { references } from '../contracts/references.ts';

references('inline');

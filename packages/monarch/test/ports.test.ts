import { ports } from './ports.ts';

ports('inline');

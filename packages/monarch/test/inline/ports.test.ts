import { ports } from '../contracts/ports.ts';

ports('inline');

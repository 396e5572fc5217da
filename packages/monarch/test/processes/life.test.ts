import { life } from '../life.ts';

life('process');

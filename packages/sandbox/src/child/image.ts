import { FRAME } from '../frames.ts';
import { makeImage } from './interpreter.ts';
import { send } from './link.ts';

const [pyodideUrl = ''] = process.argv.slice(2);
send(FRAME.image, await makeImage(pyodideUrl));

import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the page. */
export interface PageFile {
  readonly type: string;
  readonly body: string;
}

const SCRIPTS = [
  'main',
  'api',
  'chart',
  'charts',
  'completions',
  'dom',
  'format',
  'health',
  'run-list',
  'state',
] as const;
const JAVASCRIPT = 'text/javascript; charset=utf-8';

/** The files of the page by their paths. */
export function loadPage(): ReadonlyMap<string, PageFile> {
  const here = import.meta.dirname;
  const extension = path.extname(import.meta.url);
  const uplot = path.dirname(fileURLToPath(import.meta.resolve('uplot')));
  const read = (...parts: readonly string[]) => readFileSync(path.join(...parts), 'utf8');
  const source = path.join(here, '..', 'src', 'page');
  return new Map<string, PageFile>([
    ['/', { type: 'text/html; charset=utf-8', body: read(source, 'index.html') }],
    ['/style.css', { type: 'text/css; charset=utf-8', body: read(source, 'style.css') }],
    ['/uplot.css', { type: 'text/css; charset=utf-8', body: read(uplot, 'uPlot.min.css') }],
    ['/uplot.js', { type: JAVASCRIPT, body: read(uplot, 'uPlot.esm.js') }],
    ...SCRIPTS.map((name): readonly [string, PageFile] => {
      const body = read(here, 'page', `${name}${extension}`);
      return [`/${name}.js`, { type: JAVASCRIPT, body: extension === '.ts' ? withoutTypes(body) : body }];
    }),
  ]);
}

/** As the compiler writes it: without types, and importing what is compiled. Only where the package itself is developed. */
const withoutTypes = (source: string) => stripTypeScriptTypes(source).replaceAll(/(from '\.\/[\w-]+)\.ts'/g, "$1.js'");

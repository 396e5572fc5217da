import type { FileSource, HeldOutOptions, NamedSource } from '@forge/data';
import { downloadLines } from '@forge/hub';
import type { DatasetSettings } from '../sections/dataset.ts';

/** How data sets that are named on the hub are downloaded: what goes on is told. */
const hub = { onProgress: downloadLines((line) => process.stderr.write(`${line}\n`)) };

type Part = NonNullable<DatasetSettings['sources']>[number];

/** What settings name to be read or generated; nothing where they leave it out. */
export function namedSources(settings: DatasetSettings): readonly NamedSource[] {
  const { path, task, sources } = settings;
  if (sources === undefined) return path === undefined && task === undefined ? [] : [sourceOf(settings, settings)];
  return sources.map((each) => ({
    ...sourceOf(each, settings),
    weight: each.weight,
    ...(each.name !== undefined && { name: each.name }),
  }));
}

/** What settings hold out. */
export function heldOutOf(settings: DatasetSettings): HeldOutOptions {
  const { heldOut: count, heldOutBy: by, heldOutShare: share, heldOutPath: path, heldOutSplit: split } = settings;
  if (path === undefined) return { count, by, share, ...(split !== undefined && { split }) };
  // Its records are like those that are trained on: if these have fields of their own, so have they.
  const { onBroken, maxBroken, fields, config, revision } = settings;
  const source = { path, onBroken, maxBroken, hub, ...(fields !== undefined && { fields: defined(fields) }) };
  const same = path === settings.path ? { config, revision } : {};
  return { count, source: { ...source, ...defined({ ...same, split }) } };
}

function sourceOf(part: Omit<Part, 'weight'>, { onBroken, maxBroken }: DatasetSettings): NamedSource {
  const { path, task, taskOptions, config, split, revision, fields } = part;
  if (task !== undefined) return { task, ...(taskOptions !== undefined && { options: taskOptions }) };
  const source: FileSource = { path: path!, onBroken, maxBroken, hub }; // settings without either are refused
  return {
    ...source,
    ...defined({ config, split, revision }),
    ...(fields !== undefined && { fields: defined(fields) as NonNullable<FileSource['fields']> }),
  };
}

type Defined<Given> = { readonly [Key in keyof Given]: Exclude<Given[Key], undefined> };

/** Without what is left out. */
function defined<Given extends object>(given: Given): Defined<Given> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<Given>;
}

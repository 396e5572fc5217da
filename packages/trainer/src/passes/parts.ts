import { layerOf, type ModelConfig } from '@forge/models';

/** A part of a model that is run by itself: the embedding, a layer by its number, or the last norm with the head. */
export type Part = 'embedding' | number | 'head';

/** The weight that tokens are looked up in; of a tied model also that of the head. */
export const EMBEDDING = 'model.embed_tokens.weight';

/** The part that a weight is in, by its name. */
export const partOf = (name: string): Part => layerOf(name) ?? (name === EMBEDDING ? 'embedding' : 'head');

/** All parts of a model, in the order in which forward runs them. */
export const partsOf = ({ numHiddenLayers }: Pick<ModelConfig, 'numHiddenLayers'>): readonly Part[] => [
  'embedding',
  ...Array(numHiddenLayers).keys(),
  'head',
];

/** The parts whose weights the head needs. */
export const partsOfHead = ({ tieWordEmbeddings }: Pick<ModelConfig, 'tieWordEmbeddings'>): readonly Part[] =>
  tieWordEmbeddings ? ['embedding', 'head'] : ['head'];

/** What is named like weights, by their parts. */
export const byPart = <Item>(
  named: Readonly<Record<string, Item>>,
): ReadonlyMap<Part, Readonly<Record<string, Item>>> =>
  new Map(
    [...Map.groupBy(Object.entries(named), ([name]) => partOf(name))].map(([part, entries]) => [
      part,
      Object.fromEntries(entries),
    ]),
  );

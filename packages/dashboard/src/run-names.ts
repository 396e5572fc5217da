import path from 'node:path';

/** Names of runs by their folders: the last part of the path, and as many more as tell them apart. */
export function runNames(folders: readonly string[]): readonly string[] {
  const parts = folders.map((folder) => path.resolve(folder).split(path.sep).filter(Boolean));
  return parts.map((own, i) => {
    for (let count = 1; count <= own.length; count++) {
      const name = own.slice(-count).join('/');
      if (parts.every((other, j) => j === i || other.slice(-count).join('/') !== name)) return name;
    }
    return `${own.join('/')} (${i + 1})`; // the same folder twice
  });
}

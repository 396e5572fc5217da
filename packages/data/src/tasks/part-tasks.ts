import type { Task } from '@forge/environments';
import { isInShare, promptKey } from './prompt-key.ts';

/** By what a task's own prompt tells whether it is trained on. */
export type PromptRule =
  /** A share of all prompts is held out: the same ones when there are more tasks. */
  | { readonly by: 'hash'; readonly share: number }
  /** What is held out is known already. */
  | { readonly by: 'known'; readonly heldOut: readonly Task[] };

/** Which tasks are held out: by a rule on their prompts, or the last of them. */
export type PartingRule = PromptRule | { readonly by: 'end'; readonly count: number };

/** `leaked`: it asks what a task that is held out asks, so it is neither trained on nor evaluated. */
export type Side = 'train' | 'heldOut' | 'leaked';

export function sideBy(rule: PromptRule): (task: Task) => Side {
  if (rule.by === 'hash') return (task) => (isInShare(promptKey(task), rule.share) ? 'heldOut' : 'train');
  const keys = new Set(rule.heldOut.map(promptKey));
  return (task) => (keys.has(promptKey(task)) ? 'leaked' : 'train');
}

export interface PartedTasks {
  readonly train: readonly Task[];
  readonly heldOut: readonly Task[];
  readonly leaked: number;
}

/** Parts tasks so that nothing that is asked on one side is asked on the other. */
export function partTasks(tasks: readonly Task[], rule: PartingRule): PartedTasks {
  if (rule.by === 'end') {
    // A short file keeps at least half of its tasks for training.
    const cut = tasks.length - Math.min(rule.count, Math.floor(tasks.length / 2));
    const heldOut = tasks.slice(cut);
    return { ...partTasks(tasks.slice(0, cut), { by: 'known', heldOut }), heldOut };
  }
  const sides = Map.groupBy(tasks, sideBy(rule));
  return {
    train: sides.get('train') ?? [],
    heldOut: sides.get('heldOut') ?? [],
    leaked: sides.get('leaked')?.length ?? 0,
  };
}

/** How many tasks ask what one before them asks. */
export const duplicatesIn = (tasks: readonly Task[]): number => tasks.length - new Set(tasks.map(promptKey)).size;

import type { Environment, Reply } from './environment.ts';
import type { Task } from './task.ts';

/** An environment of one turn: the answer is judged, and that is all. */
export function singleTurn(judge: (task: Task, reply: Reply) => number | Promise<number>): () => Environment {
  return () => {
    let task: Task | undefined;
    return {
      maxTurns: 1,
      reset(given) {
        task = given;
        return { messages: given.messages };
      },
      async step(reply) {
        if (task === undefined) throw new TypeError('An episode begins with reset.');
        return { done: true, reward: await judge(task, reply) };
      },
    };
  };
}

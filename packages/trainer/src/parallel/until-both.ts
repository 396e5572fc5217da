/** Waits for both; when one fails, tells the other by `fail`, waits for it all the same, and throws what was first. */
export async function untilBoth(
  tasks: readonly [Promise<void>, Promise<void>],
  fail: (reason: unknown) => void,
): Promise<void> {
  let first: { readonly reason: unknown } | undefined;
  await Promise.all(
    tasks.map((task) =>
      task.catch((reason: unknown) => {
        if (first === undefined) fail(reason);
        first ??= { reason };
      }),
    ),
  );
  if (first !== undefined) throw first.reason;
}

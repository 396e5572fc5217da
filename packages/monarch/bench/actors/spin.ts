let isSpinning = false;

/** Keeps a core busy between whatever else this process does: nothing then waits for a core to wake up. */
export function spin(on: boolean): void {
  const goesOn = isSpinning;
  isSpinning = on;
  const turn = () => {
    if (isSpinning) setImmediate(turn);
  };
  if (on && !goesOn) turn();
}

import { expect, test } from 'vitest';
import { openPort, type Port, thisHost } from '../../src/index.ts';
import { ports } from '../contracts/ports.ts';
import { Sender } from '../fixtures/senders.ts';

ports('process');

test('a port whose process was killed is closed to its senders', async () => {
  await using procs = await thisHost().spawnProcs({ supervise: () => true });
  await using senders = await procs.spawn('senders', Sender);
  const port: Port<number> = await senders.keep.callOne();
  await port.send(1);
  process.kill(await senders.pid.callOne(), 'SIGKILL');
  for (let i = 0; !port.isClosed; i++) await port.send(i);
});

test('a receiver whose only sender was killed waits no longer than it asked for', async () => {
  await using procs = await thisHost().spawnProcs({ supervise: () => true });
  await using senders = await procs.spawn('senders', Sender);
  using receiver = openPort<number>();
  const pid = await senders.pid.callOne();
  const sending = senders.sendForEver.callOne(receiver.port);
  expect(await receiver.receive()).toBe(0);
  process.kill(pid, 'SIGKILL');
  await expect(sending).rejects.toMatchObject({ code: 'ERR_MONARCH_MESH' });
  const receiveAll = async () => {
    for (;;) await receiver.receive({ timeoutMs: 20 });
  };
  await expect(receiveAll()).rejects.toMatchObject({ kind: 'timeout' });
});

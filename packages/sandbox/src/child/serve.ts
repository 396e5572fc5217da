import { FRAME, type Request } from '../frames.ts';
import { Interpreter } from './interpreter.ts';
import { receive, send } from './link.ts';

const [pyodideUrl = '', memoryBytes, maxOutputBytes] = process.argv.slice(2);

const interpreter = await Interpreter.open(pyodideUrl, receive(), Number(memoryBytes));
send(FRAME.ready);
// From here on all is synchronous: the event loop never turns again, and with it nothing that a snippet may have left there.
for (;;) {
  const { code, stdin, timeoutMs } = JSON.parse(new TextDecoder().decode(receive())) as Request;
  const room = { stdout: Number(maxOutputBytes), stderr: Number(maxOutputBytes) };
  const done = interpreter.run(code, timeoutMs, {
    stdin: new TextEncoder().encode(stdin),
    write: (stream, bytes) => {
      const kept = bytes.subarray(0, room[stream]);
      room[stream] -= kept.length;
      if (kept.length > 0) send(FRAME[stream], kept);
    },
  });
  const result = done.result?.slice(0, Number(maxOutputBytes));
  send(FRAME.done, new TextEncoder().encode(JSON.stringify({ ...done, result })));
  interpreter.reset();
}

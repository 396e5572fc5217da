import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useSandbox } from './sandboxes.ts';

const SECRET = 'c4n4ry-of-the-host';
const folder = mkdtempSync(path.join(tmpdir(), 'sandbox-'));
writeFileSync(path.join(folder, 'secret'), SECRET);
process.env['FORGE_SECRET'] = SECRET;
let connections = 0;
const server = createServer((socket) => {
  connections++;
  socket.destroy();
});
beforeAll(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  delete process.env['FORGE_SECRET'];
  server.close();
  rmSync(folder, { recursive: true });
});
const port = () => (server.address() as { readonly port: number }).port;

const sandbox = useSandbox({ processes: 2, timeoutMs: 60_000, memoryBytes: 96 * 2 ** 20 });

/** Everything Python that can be reached by walking from one object to the next: JavaScript objects among it are a way out. */
const PROXIES = `
import gc
proxies = [o for o in gc.get_objects() if 'JsProxy' in type(o).__name__]
for c in object.__subclasses__():
  if 'Js' in c.__name__: proxies.append(c)
`;
const run = (body: string) => `${PROXIES}
for p in proxies:
  try:
    ${body}
  except Exception as e: print(type(e).__name__, e)`;

const HOSTILE: Readonly<Record<string, readonly string[]>> = {
  files: [
    'print(open("$DIR/secret").read())',
    'print(open("/etc/passwd").read())',
    'open("$DIR/planted", "w").write("x")',
    'import os; print(os.listdir("$DIR"))',
    'import os; print(os.listdir("/proc/self"), open("/proc/self/environ").read())',
    'import pathlib; print(pathlib.Path("$DIR/secret").read_text())',
    'import os; fd = os.open("$DIR/secret", os.O_RDONLY); print(os.read(fd, 100))',
    'import shutil; shutil.copy("$DIR/secret", "/tmp/s"); print(open("/tmp/s").read())',
    'import os; os.symlink("$DIR/secret", "/tmp/l"); print(open("/tmp/l").read())',
    'import mmap, os; print(mmap.mmap(os.open("$DIR/secret", os.O_RDONLY), 0)[:])',
    'import sqlite3; print(sqlite3.connect("$DIR/planted").execute("create table a(b)"))',
    'import os; os.remove("$DIR/secret")',
    'import os; os.rename("$DIR/secret", "$DIR/planted")',
    'import glob; print(glob.glob("$DIR/*"))',
    'import zipfile; zipfile.ZipFile("$DIR/planted", "w").writestr("a", "b")',
    'import os; os.mkfifo("$DIR/planted")',
    'import os; [print(fd, os.read(fd, 10)) for fd in range(3, 20)]',
    'import os; [os.write(fd, b"\\x04\\xff\\xff\\xff\\xff") for fd in range(3, 20)]',
    'import os; os.chroot("/"); print(os.listdir("$DIR"))',
    'import fcntl; print(fcntl.fcntl(3, fcntl.F_GETFL))',
  ],
  network: [
    'import socket; s = socket.create_connection(("127.0.0.1", $PORT)); s.send(b"x")',
    'import socket; s = socket.socket(); s.connect(("127.0.0.1", $PORT)); s.sendall(b"x")',
    'import socket; s = socket.socket(); s.setblocking(False); s.connect_ex(("127.0.0.1", $PORT)); s.send(b"x")',
    'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:$PORT/").read())',
    'import http.client; c = http.client.HTTPConnection("127.0.0.1", $PORT); c.request("GET", "/"); print(c.getresponse())',
    'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b"x", ("127.0.0.1", $PORT))',
    'import socket; print(socket.gethostbyname("localhost"))',
    'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname())',
    'import socket; s = socket.socket(socket.AF_UNIX); s.connect("$DIR/socket")',
    'import asyncio\nasync def f():\n  r, w = await asyncio.open_connection("127.0.0.1", $PORT)\n  w.write(b"x")\nasyncio.run(f())',
    'import ssl, socket; ssl.create_default_context().wrap_socket(socket.create_connection(("127.0.0.1", $PORT)))',
    'from pyodide.http import open_url; print(open_url("http://127.0.0.1:$PORT/").read())',
    'import pyodide.http; pyodide.http.pyfetch("http://127.0.0.1:$PORT/")',
    'import micropip; micropip.install("numpy")',
    'import smtplib; smtplib.SMTP("127.0.0.1", $PORT)',
    'import xmlrpc.client; print(xmlrpc.client.ServerProxy("http://127.0.0.1:$PORT/").f())',
    'import ftplib; ftplib.FTP("127.0.0.1:$PORT")',
    'import webbrowser; webbrowser.open("http://127.0.0.1:$PORT/")',
  ],
  'host objects': [
    'import js; print(js.process.env)',
    'from js import process; process.exit(7)',
    'from js import globalThis; print(globalThis)',
    'import pyodide_js; print(pyodide_js._api)',
    'import pyodide_js; pyodide_js.FS.mount(pyodide_js.FS.filesystems.NODEFS, {"root": "/"}, "/mnt")',
    'from pyodide.code import run_js; print(run_js("process.env.FORGE_SECRET"))',
    'import _pyodide_core; print(_pyodide_core.JsProxy)',
    'from pyodide.ffi import to_js; to_js({}).constructor.constructor("return process")()',
    'from pyodide.ffi import create_proxy; create_proxy(print)',
    'import _pyodide; print(_pyodide._core_docs)',
    'import importlib; print(importlib.import_module("js").process)',
    'import sys; sys.meta_path.clear(); import js; print(js.process)',
    'import sys; sys.meta_path.pop(0); import pyodide, js; print(js.process)',
    'print(__builtins__.__import__("js").process.env)',
    'import ctypes; print(ctypes.CDLL(None).system(b"id"))',
    'import ctypes; print(ctypes.string_at(0, 100))',
    'import gc; print([o for o in gc.get_objects() if "Js" in type(o).__name__])',
    'print([c for c in object.__subclasses__() if "Js" in c.__name__])',
    'import sys; print(sys._getframe(1).f_globals, sys._getframe(2).f_globals)',
    'import sys\nf = sys._getframe()\nwhile f:\n  print(f.f_code.co_filename, [k for k in f.f_globals if "js" in k.lower()]); f = f.f_back',
    run('print(p.constructor.constructor("return process.env.FORGE_SECRET")())'),
    run('print(p.process.env)'),
    run('print(p.require("fs").readFileSync("$DIR/secret"))'),
    run('print(p._module, p._api, p.FS)'),
    run('print(p.runPython, p.loadPackage("numpy"))'),
    run(
      'p.FS.mkdir("/m"); p.FS.mount(p.FS.filesystems.NODEFS, {"root": "$DIR"}, "/m"); print(open("/m/secret").read())',
    ),
    run('p.constructor.prototype.polluted = 1'),
    run('[print(k, getattr(p, k)) for k in dir(p)]'),
    run('print(p.to_py())'),
    run('del p._api'),
  ],
  'other processes': [
    'import os; print(os.fork())',
    'import os; print(os.system("touch $DIR/planted"))',
    'import posix; print(posix.system("touch $DIR/planted"))',
    'import os; print(os.popen("cat $DIR/secret").read())',
    'import subprocess; print(subprocess.run(["cat", "$DIR/secret"], capture_output=True))',
    'import subprocess; print(subprocess.check_output("cat $DIR/secret", shell=True))',
    'import os; os.execv("/bin/sh", ["sh", "-c", "touch $DIR/planted"])',
    'import os; os.posix_spawn("/bin/sh", ["sh", "-c", "touch $DIR/planted"], {})',
    'import multiprocessing; p = multiprocessing.Process(target=print); p.start(); p.join()',
    'import concurrent.futures; print(concurrent.futures.ProcessPoolExecutor().submit(print).result())',
    'import threading; t = threading.Thread(target=print); t.start()',
    'import os, signal; os.kill(os.getppid(), signal.SIGKILL)',
    'import os; os.kill(1, 9)',
    'import os; os.abort()',
    'import os; os._exit(0)',
    'import signal; signal.raise_signal(signal.SIGKILL)',
    'import signal; signal.alarm(1)',
    'import faulthandler; faulthandler._sigsegv()',
    'import pty; pty.spawn("/bin/sh")',
    'import code; code.interact()',
  ],
  'endless work': [
    'while True: pass',
    'import time; time.sleep(10**6)',
    'while True:\n  try:\n    while True: pass\n  except BaseException: pass',
    '10 ** 10 ** 9',
    'import re; re.match("(a+)+$", "a" * 40 + "b")',
    'import itertools; sum(1 for _ in itertools.count())',
    'sum(itertools.repeat(1)) if (itertools := __import__("itertools")) else 0',
    '"x" in iter(int, 1)',
    'import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\nf()',
    'while True: print("x" * 1000)',
    'import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass',
    'class A:\n  def __repr__(self):\n    while True: pass\nA()',
    'class A:\n  def __del__(self):\n    while True: pass\nA()',
  ],
  'too much memory': [
    'x = bytearray(10**10)',
    'x = [0] * 10**10',
    'x = []\nwhile True: x.append(bytearray(10**6))',
    'x = "x"\nwhile True: x += x',
    'x = {}\nwhile True: x[len(x)] = [x]',
    'print("x" * 10**9)',
    '"x" * 10**9',
    'import sys\nfor _ in range(10**6): sys.stdout.write("x" * 10**4)',
    'open("/tmp/f", "wb").write(bytes(10**9))',
    'f = open("/tmp/f", "wb")\nwhile True: f.write(bytes(10**6))',
    'import zlib; zlib.decompress(zlib.compress(bytes(10**9)))',
    'raise Exception("x" * 10**9)',
    'eval("(" * 10**6)',
    'eval("[" * 90 + "]" * 90 + "," * 10**6)',
  ],
};

const snippets = Object.entries(HOSTILE).flatMap(([kind, codes]) => codes.map((code) => [kind, code] as const));

test('there are more than a hundred', () => {
  expect(snippets.length).toBeGreaterThan(100);
});

test.concurrent.each(snippets)('%s: %j', async (_, snippet) => {
  const code = snippet.replaceAll('$DIR', folder).replaceAll('$PORT', String(port()));
  const { stdout, stderr, result } = await sandbox().execute(code, { timeoutMs: 250 });
  expect(`${stdout}${stderr}${result}`).not.toContain(SECRET);
});

test('afterwards the host is as it was, and the sandbox works', async () => {
  expect(readdirSync(folder)).toEqual(['secret']);
  expect(connections).toBe(0);
  const checks = Array.from({ length: 8 }, () => sandbox().execute('import json\njson.dumps([len("abc"), 1 + 1])'));
  for (const check of await Promise.all(checks)) {
    expect(check).toEqual({ stdout: '', stderr: '', result: "'[3, 2]'", timedOut: false });
  }
});

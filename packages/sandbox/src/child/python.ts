/** Modules that no execution pays for; those that {@link PROGRAM} needs are among them. */
export const IMPORTED = [
  'ast',
  'asyncio',
  'collections',
  'dataclasses',
  'functools',
  'heapq',
  'itertools',
  'json',
  'math',
  'operator',
  'random',
  're',
  'selectors',
  'string',
  'traceback',
  'typing',
] as const;

/**
 * What runs in the interpreter before anything else. It makes `execute`, and takes away every way from Python to the
 * JavaScript around it and to the system: their objects are gone from the modules, and what would call them raises.
 */
export const PROGRAM = `
def make_execute():
    import ast, asyncio, builtins, linecache, os, posix, random, selectors, sys, time, traceback, types

    def denied(*args, **kwargs):
        raise PermissionError('not permitted in the sandbox') from None

    for name in ('system', 'fork', 'forkpty', 'execv', 'execve', 'posix_spawn', 'posix_spawnp', 'kill', 'killpg', 'popen'):
        for module in (os, posix):
            if hasattr(module, name):
                setattr(module, name, denied)
    doors = ('js', 'pyodide', '_pyodide', 'pyodide_js', '_pyodide_core', 'micropip')
    for name in list(sys.modules):
        if name.split('.')[0] in doors:
            del sys.modules[name]

    class Closed:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name.split('.')[0] in doors:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path[:] = [Closed] + [each for each in sys.meta_path if 'pyodide' not in f'{each!r}{type(each)!r}']
    # An event loop that only sleeps: there is nothing to wait for but time.
    class Sleeper(selectors._BaseSelectorImpl):
        def select(self, timeout=None):
            sleep(max(timeout or 0, 0))
            return []

    class Loop(asyncio.SelectorEventLoop):
        def __init__(self):
            super().__init__(Sleeper())

        def _make_self_pipe(self):
            pass

        def _close_self_pipe(self):
            pass

        def _write_to_self(self):
            pass

    # Pyodide's own loop is that of JavaScript, and so are its run and sleep.
    asyncio.run = asyncio.run.__wrapped__
    nap = time.sleep.__wrapped__

    # In naps, so that the end of its time is noticed between two.
    def sleep(seconds, /):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            nap(min(left, 0.05))

    time.sleep = sleep
    asyncio.events._event_loop_policy = None
    asyncio.events._set_running_loop(None)
    asyncio.new_event_loop = asyncio.events.new_event_loop = Loop
    random.seed(0)
    FILE = '<python>'

    def run(code, namespace):
        tree = ast.parse(code, FILE)
        last = tree.body.pop().value if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, FILE, 'exec'), namespace)
        if last is None:
            return None
        value = eval(compile(ast.Expression(last), FILE, 'eval'), namespace)
        return None if value is None else repr(value)

    def print_error(error):
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename != FILE:
            frames = frames.tb_next
        traceback.print_exception(type(error), error, frames)

    def execute(code):
        main = types.ModuleType('__main__')
        main.__dict__['__builtins__'] = builtins
        sys.modules['__main__'] = main
        linecache.cache[FILE] = (len(code), None, code.splitlines(True), FILE)
        result = None
        try:
            result = run(code, main.__dict__)
        except SystemExit as error:
            if error.code not in (None, 0):
                print(error.code if isinstance(error.code, str) else f'SystemExit: {error.code}', file=sys.stderr)
        except BaseException as error:
            print_error(error)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass
        return result if type(result) is str else None

    return execute

make_execute()
`;

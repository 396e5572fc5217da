import type { Tensor } from '@forge/tensor';
import {
  add,
  argMax,
  cast,
  equal,
  gradients,
  graph,
  type Input,
  input,
  mul,
  openSession,
  type Session,
  type Value,
} from '../../src/index.ts';

declare const float: Tensor<'float32'>;
declare const whole: Tensor<'int64'>;

const x = input('x', 'float32', ['n']);
const rows = input('rows', 'int64', ['n']);
x satisfies Input<'x', 'float32'>;

// Operators keep the dtype, or say which one they give.
mul(add(x, 1), x) satisfies Value<'float32'>;
cast(x, 'float64') satisfies Value<'float64'>;
equal(x, 2) satisfies Value<'bool'>;
argMax(x) satisfies Value<'int64'>;
// @ts-expect-error a sum of floats is no tensor of integers
add(x, 1) satisfies Value<'int64'>;

// There is a gradient for each value that one is asked of.
const [dx] = gradients(x, [x]);
dx satisfies Value<'float32'>;
// @ts-expect-error there is no second gradient
gradients(x, [x])[1] satisfies Value;

const model = graph({ y: add(x, 1), place: argMax(x) }, { inputs: [x, rows] });
await using session = await openSession(model);

// Results have the names and dtypes of the outputs.
const { y, place } = await session.run({ x: float, rows: whole });
y.data satisfies Float32Array;
place.data satisfies BigInt64Array;
// @ts-expect-error an output that the graph lacks
(await session.run({ x: float, rows: whole })).z;
const fetched = await session.run({ x: float, rows: whole }, ['y']);
fetched.y satisfies Tensor<'float32'>;
// @ts-expect-error an output that was not fetched
fetched.place;
const inPlace = await session.run({ x: float, rows: whole }, { y: float });
inPlace satisfies { y: Tensor<'float32'> };
session.bind({ x: float, rows: whole }, { y: float });
// @ts-expect-error a fetch of another dtype
session.bind({ x: float, rows: whole }, { y: whole });

// Inputs that the graph lists must be fed, with their dtype; others may be fed, too.
void session.run({ x: float, rows: whole, other: float });
// @ts-expect-error a listed input without a feed
void session.run({ x: float });
// @ts-expect-error a feed of another dtype
void session.run({ x: whole, rows: whole });

// A model given as bytes takes and gives any names.
const opened: Session = await openSession(new Uint8Array());
(await opened.run({ anything: float }))['something'] satisfies Tensor | undefined;
// A session of a known graph is a session.
session satisfies AsyncDisposable;

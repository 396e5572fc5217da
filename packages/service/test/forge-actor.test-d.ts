import { Actor, endpoint, type OwnedMesh } from '@forge/monarch';
import { ForgeActor, type Service } from '../src/index.ts';
import { Counter } from './fixtures/counter.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <T extends true>(): T => true as T;

export async function inference(): Promise<void> {
  const service = await Counter.options({ procs: 1, numReplicas: 4 }).asService(0);
  is<Equal<typeof service, Service<Counter, [initialValue: number]>>>();
  const held: Service<Counter> = service;
  await service.rollingUpdate({ args: [1] });
  // @ts-expect-error a counter starts from a number
  await service.rollingUpdate({ args: ['1'] });
  const value: number = await service.increment.route(1);
  const values: readonly number[] = await service.getValue.fanout();
  const settled = await service.increment.with({ timeoutMs: 10 }).fanoutSettled(2);
  for (const outcome of settled) if (outcome.ok) is<Equal<typeof outcome.value, number>>();
  await using session = await service.session();
  const inSession: number = await session.increment.with({ signal: AbortSignal.timeout(1) }).route();
  const scoped: string = await service.session(async (own) => own.id);
  void [held, value, values, inSession, scoped];

  const one = await Counter.asActor(0);
  is<Equal<typeof one, OwnedMesh<Counter, never>>>();
  is<Equal<Awaited<ReturnType<typeof one.increment.callOne>>, number>>();
  const two = await Counter.options({ procs: 2 }).asActor(0);
  is<Equal<typeof two, OwnedMesh<Counter, 'procs'>>>();
  const alone = await Counter.options({ meshName: 'c' }).asActor(0);
  is<Equal<typeof alone, OwnedMesh<Counter, never>>>();
}

export async function catchUp(): Promise<void> {
  await Counter.options({ onReplicaStart: ({ mesh }) => mesh.increment.callOne(1) }).asService(0);
  await Counter.options({
    procs: 2,
    onReplicaStart: ({ mesh }) => mesh.slice({ procs: 1 }).increment.callOne(1),
  }).asService(0);
  // @ts-expect-error two processes: call, or slice to one
  await Counter.options({ procs: 2, onReplicaStart: ({ mesh }) => mesh.increment.callOne(1) }).asService(0);
}

export function refusals(service: Service<Counter>, mesh: OwnedMesh<Counter, never>): void {
  // @ts-expect-error the constructor wants a number
  void Counter.asService('0');
  // @ts-expect-error the constructor wants an argument
  void Counter.options({ numReplicas: 2 }).asService();
  // @ts-expect-error there is no such option
  Counter.options({ num_replicas: 2 });
  // @ts-expect-error the endpoint wants a number
  void service.increment.route('1');
  // @ts-expect-error no such endpoint
  service.decrement;
  // @ts-expect-error a stream is read from one replica
  service.count.fanout;
  // @ts-expect-error a stream counts up to a number
  service.count.route('3');
  // @ts-expect-error there is no such router
  service.increment.with({ router: 'nearest' });
  // @ts-expect-error a router returns one of the replicas that it is given
  service.increment.with({ router: () => ({ index: 0 }) });
  // @ts-expect-error a session is lost or moves
  void service.session({ whenLost: 'forget' });
  // @ts-expect-error the adverbs of a mesh mean nothing on a service
  service.increment.callOne;
  // @ts-expect-error the adverbs of a mesh mean nothing on a service
  service.increment.call;
  // @ts-expect-error the adverbs of a mesh mean nothing on a service
  service.increment.choose;
  // @ts-expect-error the adverbs of a mesh mean nothing on a service
  service.increment.broadcast;
  // @ts-expect-error a mesh has no replicas to route to
  mesh.increment.route;
  // @ts-expect-error a mesh has no replicas to fan out to
  mesh.increment.fanout;
}

export function sessionsRouteOnly(session: Awaited<ReturnType<Service<Counter>['session']>>): void {
  // @ts-expect-error a session has one replica
  session.increment.fanout;
  // @ts-expect-error a session decides itself where its calls go
  session.increment.with({ key: 'a' });
  // @ts-expect-error a session decides itself where its calls go
  session.count.with({ router: 'leastLoaded' });
}

interface Labels {
  readonly title: string;
  readonly subtitle?: string;
}

class Labelled extends ForgeActor {
  static readonly module: string = import.meta.url;
  readonly #labels: Labels;

  constructor(labels: Labels, ..._more: readonly number[]) {
    super();
    this.#labels = labels;
  }

  readonly title = endpoint(() => this.#labels.title);
}

class Holder<Item> extends ForgeActor {
  static readonly module: string = import.meta.url;
  readonly put = endpoint((_item: Item): void => {});
}

const LabelsHolder = Holder<Labels>;

export async function constructorArguments(): Promise<void> {
  const one = await Labelled.asActor({ title: 'a' }, 1, 2);
  is<Equal<typeof one, OwnedMesh<Labelled, never>>>();
  const service = await Labelled.asService({ title: 'a', subtitle: 'b' });
  const held: Service<Labelled> = service;
  void held;
  const holder = await LabelsHolder.asActor();
  is<Equal<typeof holder, OwnedMesh<Holder<Labels>, never>>>();
  // @ts-expect-error the title is missing
  await Labelled.asActor({});
  // @ts-expect-error the title is missing
  await Labelled.asService({ subtitle: 'b' });
  // @ts-expect-error the title is missing
  await Labelled.options({}).asActor({});
  // @ts-expect-error nothing is given
  await Labelled.asActor();
  // @ts-expect-error there is no such field
  await Labelled.asActor({ title: 'a', colour: 'red' });
  // @ts-expect-error numbers come after the labels
  await Labelled.asActor({ title: 'a' }, '1');
  // @ts-expect-error items have a title
  await holder.put.callOne({});
}

class Plain extends Actor {
  static readonly module: string = import.meta.url;
  readonly echo = endpoint((value: string) => value);
}
// @ts-expect-error a plain actor has no options
Plain.options;

class Unplaced extends ForgeActor {}
// @ts-expect-error other processes cannot find a class without its module
void Unplaced.asService();
// @ts-expect-error an abstract class is no actor
void ForgeActor.asService();

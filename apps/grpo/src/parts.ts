import { DatasetActor, type Group, ReplayBuffer } from '@forge/data';
import { Generator } from '@forge/generator';
import { given, startEnvironments } from '@forge/run';
import type { ServiceEvent } from '@forge/service';
import type { Store } from '@forge/torchstore';
import { ReferenceModel, Trainer } from '@forge/trainer';
import type { Config } from './config/config.ts';
import type { Probed } from './diagnostics/silence.ts';
import { startRewards } from './rewards/start-rewards.ts';
import type { Run } from './run.ts';
import { trainerOptions } from './training/trainer-options.ts';

const EpisodeBuffer = ReplayBuffer<Group>;

/** The actors and services of a run, each in processes of its own. */
export type Parts = Awaited<ReturnType<typeof startParts>>;

/** What the parts are made from. */
type Given = Pick<Run, 'config' | 'source' | 'progress' | 'warnings' | 'processes'>;

/** Starts everything but frozen models: the reference exists only once the warm-up has ended. */
export async function startParts({ config, source, progress, warnings, processes }: Given, store: Store) {
  const { run, grpo } = config;
  const told = (service: string) => tellLosses(service, { progress, processes });
  const model = source.modelFolder;
  // In several turns each episode asks for itself.
  const requestsInTurns = requestsAtOnce(config) * Math.max(grpo.groupSize, config.evaluation.samples);
  const [dataset, buffer, trainer, rewarding, generator, environments] = await Promise.all([
    DatasetActor.options({ meshName: 'dataset' }).asActor(source.dataset),
    EpisodeBuffer.options({ meshName: 'buffer' }).asActor({
      batchSize: grpo.groupsPerStep,
      maxPolicyAge: grpo.maxPolicyAge,
    }),
    Trainer.options({ meshName: 'trainer' }).asActor({
      model,
      store: store.reference,
      ...trainerOptions(config),
    }),
    startRewards(config, { note: (line) => warnings.tell('unscored', line), onEvent: told('rewards') }),
    Generator.options({
      meshName: 'generator',
      numReplicas: config.generator.replicas,
      // One request is one group: the generator itself decides how many of their sequences it decodes at a time.
      replicaMaxConcurrentRequests: 512,
      maxQueuedRequests: requestsInTurns,
      // What a replica had when it was lost is asked for again, all of it at once.
      retry: { burst: requestsInTurns, budgetRatio: 1 },
      onEvent: told('generator'),
    }).asService({
      model,
      store: store.reference,
      maxSequences: config.generator.maxSequences,
      threads: config.generator.threads,
      kvCacheBytes: config.generator.kvCacheBytes,
      ...given({ quantization: config.generator.quantization, packedWeights: config.generator.packedWeights }),
      batchInvariant: isBatchInvariant(config),
      seed: run.seed,
    }),
    startEnvironments(config.environment, {
      maxQueuedRequests: requestsInTurns,
      onEvent: told('environments'),
    }),
  ]);
  processes.add('generator', generator);
  processes.add('rewards', rewarding.rewards);
  if (environments.service !== undefined) processes.add('environments', environments.service);
  return { dataset, buffer, trainer, ...rewarding, generator, environments };
}

/** Those that take part in an evaluation, each asked for what costs it nothing. */
export const probesOf = ({ generator, rewards, environments: { service } }: Parts): readonly Probed[] => [
  { name: 'generator', probe: (signal) => generator.getVersion.with({ signal }).fanoutSettled() },
  { name: 'rewards', probe: (signal) => rewards.ping.with({ signal }).fanoutSettled() },
  ...(service
    ? [{ name: 'environments', probe: (signal: AbortSignal) => service.ping.with({ signal }).fanoutSettled() }]
    : []),
];

/** What makes a synchronous run repeatable: which groups are decoded side by side is a matter of timing. */
const isBatchInvariant = ({ grpo, trainer, generator }: Config): boolean =>
  trainer.batchInvariant ||
  (grpo.maxPolicyAge === 0 &&
    generator.threads === 1 &&
    generator.quantization === undefined &&
    generator.packedWeights !== true);

/** The loops ask for no more than this, so nothing that they ask for is ever turned away. */
function requestsAtOnce({ grpo, evaluation }: Config): number {
  const groups = Math.ceil(grpo.groupsPerStep * grpo.overSampling) * (1 + grpo.maxPolicyAge);
  // One request of a problem is greedy, one samples; of a group, too, where it is compared with the greedy completion.
  return 2 * evaluation.problems + groups * (grpo.advantage === 'remax' ? 2 : 1);
}

/** Tells how a replica that was lost comes back, or does not. */
function tellLosses(
  service: string,
  { progress, processes }: Pick<Run, 'progress' | 'processes'>,
): (event: ServiceEvent) => void {
  return (event) => {
    processes.changed();
    if (event.type !== 'replicaStateChanged' || event.cause === undefined) return;
    progress.note(`${service}/${event.replica}: ${event.from} → ${event.to}`);
  };
}

/** A service that scores completions under the weights of a folder, which never change. */
export async function startFrozen({ config, progress, processes }: Given, meshName: string, model: string) {
  const service = await ReferenceModel.options({
    meshName,
    maxQueuedRequests: requestsAtOnce(config),
    retry: { burst: requestsAtOnce(config), budgetRatio: 1 },
    onEvent: tellLosses(meshName, { progress, processes }),
  }).asService({ model, temperature: config.generator.temperature, threads: 1 });
  processes.add(meshName, service);
  return service;
}

export type FrozenService = Awaited<ReturnType<typeof startFrozen>>;

/** How the learning rate goes over the steps. */
export type Schedule =
  | { readonly kind: 'constant'; readonly warmupSteps?: number }
  | { readonly kind: 'linear'; readonly warmupSteps?: number; readonly totalSteps: number }
  | {
      readonly kind: 'cosine';
      readonly warmupSteps?: number;
      readonly totalSteps: number;
      /** Waves between warm-up and end; half a wave goes from 1 to 0. @default 0.5 */
      readonly cycles?: number;
    };

/**
 * Factor of the learning rate for the update with index `step`, counted from 0.
 *
 * Warm-up rises as `step / warmupSteps`, so the first update of a warm-up has rate 0. `linear` stays 0 after `totalSteps`;
 * `cosine` rises again.
 *
 * Source: transformers `get_constant_schedule_with_warmup`, `get_linear_…`, `get_cosine_schedule_with_warmup`.
 */
export function scheduleFactor(schedule: Schedule, step: number): number {
  const { warmupSteps = 0 } = schedule;
  if (step < warmupSteps) return step / Math.max(1, warmupSteps);
  if (schedule.kind === 'constant') return 1;
  const span = Math.max(1, schedule.totalSteps - warmupSteps);
  if (schedule.kind === 'linear') return Math.max(0, (schedule.totalSteps - step) / span);
  const progress = (step - warmupSteps) / span;
  return Math.max(0, (1 + Math.cos(2 * Math.PI * (schedule.cycles ?? 0.5) * progress)) / 2);
}

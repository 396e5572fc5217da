import type { MeshFailure } from '../errors.ts';
import { CHANNELS, type FailureEvent } from './channels.ts';

/** Failures that a process remembers. */
const NOTES = 20;

/** The last failures of a process. */
export class FailureNotes {
  readonly latest: FailureEvent[] = [];
  count = 0;

  /** `time` in milliseconds since 1970. */
  add(time: number, { kind, message }: MeshFailure): void {
    const event = { time, kind, text: message };
    this.count++;
    this.latest.push(event);
    if (this.latest.length > NOTES) this.latest.shift();
    const failed = CHANNELS['monarch:failure'];
    if (failed.hasSubscribers) failed.publish(event);
  }
}

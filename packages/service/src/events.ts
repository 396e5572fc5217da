import type { ReplicaState } from './replicas/life.ts';

/** What a service tells about itself while it runs. */
export type ServiceEvent =
  | {
      readonly type: 'replicaStateChanged';
      readonly replica: number;
      readonly from: ReplicaState;
      readonly to: ReplicaState;
      /** Why it was last lost or ejected, if it ever was. */
      readonly cause: unknown;
    }
  | {
      /** A replica starts, or has ended for good: by scaling, draining or an update. */
      readonly type: 'replicaAdded' | 'replicaRemoved';
      readonly replica: number;
    }
  | {
      /** The load asks for another number of replicas. `cause`: why they could not be had. */
      readonly type: 'autoscaled';
      readonly from: number;
      readonly to: number;
      readonly cause?: unknown;
    }
  | {
      readonly type: 'requestRetried';
      readonly endpoint: string;
      /** The replica that was lost under it. */
      readonly replica: number;
      /** Attempts made so far. */
      readonly attempts: number;
      /** Before the next one. */
      readonly delayMs: number;
    }
  | {
      /** What the session's replica knew of it is lost. */
      readonly type: 'sessionMoved';
      readonly session: string;
      readonly from: number;
      readonly to: number;
    }
  | {
      /** The session ended with what its replica knew of it. */
      readonly type: 'sessionLost';
      readonly session: string;
      readonly replica: number;
      readonly cause: unknown;
    }
  | {
      /** Nobody used the session for too long. */
      readonly type: 'sessionExpired';
      readonly session: string;
    };

import type { Continuation, PromptGroup } from './prompt-groups.ts';

/** One lane: continuations one after the other. */
export interface Lane {
  readonly members: readonly Continuation[];
  /** Tokens of all members. */
  readonly used: number;
}

/** A prefix, and the lanes that continue it. */
export interface Row {
  readonly prefixIds: readonly number[];
  readonly lanes: readonly Lane[];
}

/** Rows of one run, with the sizes they are padded to. */
export interface Part {
  readonly rows: readonly Row[];
  /** Of each row; at least 1 each, as onnxruntime reshapes nothing that is empty. */
  readonly prefix: number;
  readonly lanes: number;
  readonly width: number;
}

/** Tokens of a row of a part, padding included. */
export const tokensOfRow = ({ prefix, lanes, width }: Part): number => prefix + lanes * width;

/** Tokens of a part, padding included. */
export const tokensOfPart = (part: Part): number => part.rows.length * tokensOfRow(part);

/** A token costs as much as attention to this many others: 6 model widths, here of 342, in products of matrices. */
const TOKEN_COST = 2048;

/** How much wider than the longest continuation a lane may be: wide lanes have less padding, and see more of each other. */
const WIDTHS = [1, 1.25, 1.5, 2];

/**
 * Groups as parts that keep to a budget of tokens, padding included, unless one lane alone exceeds it. A group is cut only when
 * it exceeds the budget as a whole.
 *
 * @param laneWidth - of lanes that hold several continuations. @default the cheapest
 */
export function planParts(groups: readonly PromptGroup[], budget: number, laneWidth?: number): readonly Part[] {
  const longest = groups.reduce(
    (max, { members }) => members.reduce((most, { ids }) => Math.max(most, ids.length), max),
    1,
  );
  const widths = laneWidth === undefined ? WIDTHS.map((factor) => Math.ceil(factor * longest)) : [laneWidth];
  const plans = widths.map((width) => {
    const parts = splitRows(
      groups.flatMap((group) => rowsOf(group, budget, width)),
      budget,
    );
    return { parts, cost: parts.reduce((sum, part) => sum + costOf(part), 0) };
  });
  return plans.reduce((best, plan) => (plan.cost < best.cost ? plan : best)).parts;
}

function costOf({ rows, prefix, lanes, width }: Part): number {
  return rows.length * (prefix * (TOKEN_COST + prefix) + lanes * width * (TOKEN_COST + prefix + width));
}

/** The lanes of a group, in as many rows as the budget asks for. */
function rowsOf({ prefixIds, members }: PromptGroup, budget: number, width: number): readonly Row[] {
  const lanes = fillLanes(members, width).toSorted((a, b) => b.used - a.used);
  const rows: Row[] = [];
  for (let start = 0; start < lanes.length; ) {
    const widest = Math.max(1, lanes[start]!.used);
    const end = start + Math.max(1, Math.floor((budget - Math.max(1, prefixIds.length)) / widest));
    rows.push({ prefixIds, lanes: lanes.slice(start, end) });
    start = end;
  }
  return rows;
}

/** First fit, longest first; of equal lengths the earlier sequence first. */
function fillLanes(members: readonly Continuation[], width: number): readonly Lane[] {
  const lanes: { members: Continuation[]; used: number }[] = [];
  // Lanes before the cursor of a length are too full for it, and for anything as long.
  const firstWithRoom = new Map<number, number>();
  for (const member of members.toSorted((a, b) => b.ids.length - a.ids.length || a.index - b.index)) {
    const { length } = member.ids;
    let at = firstWithRoom.get(length) ?? 0;
    while (at < lanes.length && lanes[at]!.used + length > width) at++;
    firstWithRoom.set(length, at);
    const lane = lanes[at];
    if (lane === undefined) lanes.push({ members: [member], used: length });
    else {
      lane.members.push(member);
      lane.used += length;
    }
  }
  return lanes;
}

/** Widest lanes first, so that the rows of a part are padded little. */
function splitRows(rows: readonly Row[], budget: number): readonly Part[] {
  const widthOf = ({ lanes }: Row): number => lanes[0]!.used; // sorted, and never empty
  const ordered = rows.toSorted((a, b) => widthOf(b) - widthOf(a) || b.prefixIds.length - a.prefixIds.length);
  const parts: Part[] = [];
  for (const row of ordered) {
    const last = parts.at(-1);
    const joined = partOf([...(last?.rows ?? []), row]);
    if (last !== undefined && tokensOfPart(joined) <= budget) parts[parts.length - 1] = joined;
    else parts.push(partOf([row]));
  }
  return parts;
}

function partOf(rows: readonly Row[]): Part {
  const most = (count: (row: Row) => number): number => Math.max(1, ...rows.map(count));
  return {
    rows,
    prefix: most(({ prefixIds }) => prefixIds.length),
    lanes: most(({ lanes }) => lanes.length),
    width: most(({ lanes }) => lanes[0]!.used),
  };
}

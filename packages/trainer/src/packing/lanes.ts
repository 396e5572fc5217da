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
  /** Tokens of the longest prefix; 0 when no row has one. */
  readonly prefix: number;
  readonly lanes: number;
  readonly width: number;
  /** Picks that are scored at least, beside those that count. @default 0 */
  readonly minPicks?: number;
}

/** Tokens of a part, padding included. */
const tokensOfPart = ({ rows, prefix, lanes, width }: Part): number => rows.length * (prefix + lanes * width);

/** A token costs as much as attention to this many others: 6 model widths, here of 342, in products of matrices. */
const TOKEN_COST = 2048;

/** A run costs as much as this many tokens more: rows are joined where that adds less padding. */
const RUN_COST = 128;

/** How much wider than the longest continuation a lane may be: wide lanes have less padding, and see more of each other. */
const WIDTHS = [1, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5, 1.75, 2];

/**
 * Groups as parts that keep to a budget of tokens, padding included, unless one lane alone exceeds it. A group is cut only when
 * it exceeds the budget as a whole.
 *
 * @param laneWidth - of lanes that hold several continuations. @default the cheapest for each group
 */
export function planParts(groups: readonly PromptGroup[], budget: number, laneWidth?: number): readonly Part[] {
  const rows = groups.flatMap((group) => {
    const longest = group.members.reduce((most, { ids }) => Math.max(most, ids.length), 1);
    const widths = laneWidth === undefined ? WIDTHS.map((factor) => Math.ceil(factor * longest)) : [laneWidth];
    const plans = widths.map((width) => rowsOf(group, budget, width));
    return plans.reduce((best, plan) => (costOf(plan) < costOf(best) ? plan : best));
  });
  return joinRows(rows, budget);
}

/** What rows cost when each is run by itself. */
function costOf(rows: readonly Row[]): number {
  return rows
    .map((row) => partOf([row]))
    .reduce((sum, { prefix, lanes, width }) => {
      const [ofPrefix, ofLanes] = [TOKEN_COST + prefix, TOKEN_COST + prefix + width];
      return sum + RUN_COST * TOKEN_COST + prefix * ofPrefix + lanes * width * ofLanes;
    }, 0);
}

/** The lanes of a group, in as many rows as the budget asks for. */
function rowsOf({ prefixIds, members }: PromptGroup, budget: number, width: number): readonly Row[] {
  const lanes = fillLanes(members, width).toSorted((a, b) => b.used - a.used);
  const rows: Row[] = [];
  for (let start = 0; start < lanes.length; ) {
    const end = start + Math.max(1, Math.floor((budget - prefixIds.length) / lanes[start]!.used));
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

/** Rows in parts, neighbours of about equal lanes together as long as the budget allows it and padding costs less than a run. */
function joinRows(rows: readonly Row[], budget: number): readonly Part[] {
  const ordered = rows
    .map((row) => partOf([row]))
    .toSorted((a, b) => b.width - a.width || b.lanes - a.lanes || b.prefix - a.prefix);
  const parts: Part[] = [];
  for (const part of ordered) {
    const last = parts.at(-1);
    const joined = partOf([...(last?.rows ?? []), ...part.rows]);
    const apart = (last === undefined ? 0 : tokensOfPart(last)) + tokensOfPart(part) + RUN_COST;
    if (last !== undefined && tokensOfPart(joined) <= Math.min(budget, apart)) parts[parts.length - 1] = joined;
    else parts.push(part);
  }
  return parts;
}

function partOf(rows: readonly Row[]): Part {
  const most = (count: (row: Row) => number): number => Math.max(...rows.map(count));
  return {
    rows,
    prefix: most(({ prefixIds }) => prefixIds.length),
    lanes: most(({ lanes }) => lanes.length),
    width: most(({ lanes }) => lanes[0]!.used),
  };
}

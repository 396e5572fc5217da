import type { AttachedMachine } from '../hosts/attached-machine.ts';
import { extentOf } from '../mesh/extent.ts';
import type { LocalProcess } from '../process/local-process.ts';
import type { ChildReport, ProcessReport } from './process-report.ts';

/** How the agents of attached machines are; what was started there tells whoever started it. */
export async function machineReports(
  local: LocalProcess,
  machines: Iterable<AttachedMachine>,
  deadlineMs: number,
): Promise<ChildReport[]> {
  const about = { mesh: 'a machine', point: extentOf<never>({}).point(0) };
  const asking = [...machines].map(async ({ id, route, lost }): Promise<ChildReport> => {
    const known = { id, name: `agent of ${route.address}` };
    if (lost !== undefined) return { ...known, pid: 0, state: 'ended', problem: lost };
    try {
      // The agent answers with what `look` of its program returns.
      const answer = await local.ask(id, about, 'look', local.encode([deadlineMs]), deadlineMs);
      const report = answer as ProcessReport;
      return { ...known, pid: report.usage.pid, state: 'running', report };
    } catch {
      return { ...known, pid: 0, state: 'silent' };
    }
  });
  return await Promise.all(asking);
}

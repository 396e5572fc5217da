import { scopeIfAny } from '../actor/context.ts';
import { OwnershipError, reasonText } from '../errors.ts';
import type { Owner } from '../supervision/owner.ts';
import { Program, type ProgramPlace } from './program.ts';
import { systemPlatform } from './system-platform.ts';

let current: Program | undefined;

/** The program of the running code: that of its scope, or else the one of this process of the system. */
export function program(): Program {
  const scope = scopeIfAny();
  if (scope !== undefined) return scope.program;
  if (current === undefined) {
    current = new Program(systemPlatform);
    const { FORGE_ADMIN: admin, FORGE_ADMIN_TOKEN: token } = process.env;
    if (admin !== undefined && admin !== '') void showAsAsked(current, admin, token);
  }
  return current;
}

/** Shows a program that was started with FORGE_ADMIN, and says where; a program that cannot be shown runs all the same. */
async function showAsAsked(shown: Program, admin: string, token: string | undefined): Promise<void> {
  try {
    const { adminAddress, serveAdmin } = await import('../seeing/serve-admin.ts');
    const { url } = await serveAdmin({ ...adminAddress(admin), ...(token === undefined ? {} : { token }) });
    shown.platform.write('stderr', `forge: admin at ${url}\n`);
  } catch (error) {
    shown.platform.write('stderr', `forge: FORGE_ADMIN=${admin}: ${reasonText(error)}\n`);
  }
}

/** Makes this process of the system part of a program. */
export async function enterProgram(place: ProgramPlace): Promise<Program> {
  current = new Program(systemPlatform, place);
  await current.join();
  return current;
}

/** On whose behalf the running code starts things. @throws {OwnershipError} in a child process, outside of its actors. */
export function currentOwner(what: string): Owner {
  const owner = scopeIfAny()?.owner ?? program();
  if (!(owner instanceof Program) || owner.isRoot) return owner;
  throw new OwnershipError(
    `${what} was called in a child process, outside of any actor. ` +
      'Is the program itself imported for its actor class? Start things under `if (import.meta.main)`, or move the class.',
  );
}

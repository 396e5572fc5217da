import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Makes an authority, and a certificate for this machine that it has signed; returns their files. */
export function makeCertificates(folder: string): { readonly cert: string; readonly key: string; readonly ca: string } {
  const path = (name: string) => join(folder, `${name}.pem`);
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'] as const;
  openssl('req', '-x509', ...newKey, '-keyout', path('ca-key'), '-out', path('ca'), '-subj', '/CN=ca', '-days', '2');
  openssl('req', ...newKey, '-keyout', path('key'), '-out', path('request'), '-subj', '/CN=localhost');
  writeFileSync(path('extensions'), 'subjectAltName=DNS:localhost,IP:127.0.0.1');
  const signing = ['-CA', path('ca'), '-CAkey', path('ca-key'), '-CAcreateserial', '-extfile', path('extensions')];
  openssl('x509', '-req', '-in', path('request'), ...signing, '-out', path('cert'), '-days', '2');
  return { cert: path('cert'), key: path('key'), ca: path('ca') };
}

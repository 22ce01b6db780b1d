// A real OpenID provider (certified; see package.json) on loopback: anybody signs in as whoever they type.
// `node issuer.js '{"port": …, "clients": […]}'`. Ends with its standard input.
import { generateKeyPairSync, randomBytes } from 'node:crypto';

import Provider from 'oidc-provider';

const { port, clients } = JSON.parse(process.argv[2]);
const pairs = [
  generateKeyPairSync('rsa', { modulusLength: 2048 }),
  generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  generateKeyPairSync('ed25519'),
];

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  jwks: { keys: pairs.map(({ privateKey }) => ({ ...privateKey.export({ format: 'jwk' }), use: 'sig' })) },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  claims: { email: ['email', 'email_verified'], profile: ['name'] },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
  pkce: { required: () => true },
  findAccount: (_context, sub) => ({
    accountId: sub,
    claims: () => ({ sub, email: `${sub}@example.org`, email_verified: true, name: `Somebody called ${sub}` }),
  }),
});

provider.listen(port, '127.0.0.1');
process.stdin.on('end', () => process.exit()).resume();

// An authority that nobody but its maker has reason to trust, and certificates of it: X.509 in DER, no more of it than TLS needs.
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const length = (n) => (n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 255]);
const der = (tag, ...parts) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([tag, ...length(body.length)]), body]);
};
const sequence = (...parts) => der(0x30, ...parts);
const utcTime = (date) => der(0x17, `${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`);

const ecdsaWithSha256 = sequence(der(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
const commonName = (name) => sequence(der(0x31, sequence(der(0x06, [0x55, 0x04, 0x03]), der(0x0c, name))));
const extension = (id, critical, value) => sequence(der(0x06, [0x55, 0x1d, id]), ...(critical ? [der(0x01, [0xff])] : []), der(0x04, value));
const basicConstraints = (authority) => extension(0x13, true, sequence(...(authority ? [der(0x01, [0xff])] : [])));
/** This machine by name and by address, which are two sites to a browser. */
const thisMachine = extension(0x11, false, sequence(der(0x82, 'localhost'), der(0x87, [127, 0, 0, 1])));

/** A certificate for `subject`, signed by `issuer`, good for two days around now. */
function certify({ subject, publicKey, extensions, issuer }) {
  const day = 24 * 3600 * 1000;
  const content = sequence(
    der(0xa0, der(0x02, [2])),
    // A serial number is positive.
    der(0x02, [0x40], randomBytes(8)),
    ecdsaWithSha256,
    commonName(issuer.name),
    sequence(utcTime(new Date(Date.now() - day)), utcTime(new Date(Date.now() + day))),
    commonName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const certificate = sequence(content, ecdsaWithSha256, der(0x03, [0], sign('sha256', content, issuer.privateKey)));
  const lines = certificate.toString('base64').match(/.{1,64}/g).join('\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** An authority of its own: its certificate, and a key with a certificate of it for this machine, all in PEM. */
export function selfMade() {
  const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [authority, server] = [pair(), pair()];
  const issuer = { name: 'Latchkey end-to-end tests', privateKey: authority.privateKey };
  return {
    authority: certify({ subject: issuer.name, publicKey: authority.publicKey, extensions: [basicConstraints(true)], issuer }),
    // A strict client takes no authority for a server.
    cert: certify({ subject: 'This machine', publicKey: server.publicKey, extensions: [basicConstraints(false), thisMachine], issuer }),
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
}

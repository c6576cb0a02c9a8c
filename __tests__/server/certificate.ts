import { generateKeyPairSync, sign } from 'node:crypto'

/** A key and a self-signed certificate for localhost, made anew so that it never expires (RFC 5280 section 4.1, version 1). */
export function selfSigned(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
  const name = sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from('localhost')))))
  const validity = sequence(time(Date.now() - DAY), time(Date.now() + DAY))
  const serial = der(0x02, Buffer.of(1))
  const key = publicKey.export({ type: 'spki', format: 'der' })
  const toSign = sequence(serial, ecdsaWithSha256, name, validity, name, key)
  const signature = der(0x03, Buffer.of(0), sign('sha256', toSign, privateKey))
  const cert = sequence(toSign, ecdsaWithSha256, signature).toString('base64')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${cert.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  }
}

const DAY = 86_400_000

/** One value with its tag and its length (X.690). */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts)
const oid = (...bytes: number[]): Buffer => der(0x06, Buffer.from(bytes))

/** GeneralizedTime: 20260517201500Z. */
const time = (at: number): Buffer => der(0x18, Buffer.from(new Date(at).toISOString().replace(/[-:T]|\.\d+/g, '')))

// What two independent implementations, jose and @sd-jwt/core, say about signed and sealed
// texts. Reads a list of jobs as JSON from standard input and writes the list of results:
// {"ok": ...} or {"error": "..."}.
import crypto from 'node:crypto'
import * as jose from 'jose'
import { FlattenJSON, SDJwtInstance } from '@sd-jwt/core'

const text = new TextEncoder()
const string = new TextDecoder()

const hasher = (data, alg) => {
  if (alg !== 'sha-256') throw new Error(`hash ${alg}`)
  return new Uint8Array(crypto.createHash('sha256').update(data).digest())
}
const saltGenerator = (length) => crypto.randomBytes(length).toString('base64url')

// Raw signatures by node's own crypto, so that @sd-jwt/core does not lean on jose.
const digestOf = (jwk) => (jwk.kty === 'EC' ? 'sha256' : null)
const verifier = (jwk) => (data, sig) =>
  crypto.verify(digestOf(jwk), text.encode(data),
    { key: crypto.createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }, Buffer.from(sig, 'base64url'))
const signer = (jwk) => (data) =>
  crypto.sign(digestOf(jwk), text.encode(data),
    { key: crypto.createPrivateKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }).toString('base64url')

const keyAgreement = 'ECDH-ES+A256KW'

const operations = {
  // A key pair that was made here.
  async keys({ alg }) {
    const { privateKey } = await jose.generateKeyPair(alg, { extractable: true })
    const { key_ops, ext, ...jwk } = await jose.exportJWK(privateKey)
    return { ...jwk, alg, kid: await jose.calculateJwkThumbprint(jwk) }
  },

  async thumbprint({ jwk }) {
    return jose.calculateJwkThumbprint(jwk)
  },

  // The envelope as a plain JWS in flattened JSON serialisation.
  async flattened({ envelope, jwk }) {
    const { payload, protectedHeader } =
      await jose.flattenedVerify(envelope, await jose.importJWK(jwk, jwk.alg), { algorithms: [jwk.alg] })
    return { payload: JSON.parse(string.decode(payload)), header: protectedHeader }
  },

  // The envelope as an SD-JWT; with a nonce, key binding is required.
  async sdjwt({ envelope, jwk, now, holder, nonce }) {
    const instance = new SDJwtInstance({
      hasher, hashAlg: 'sha-256', verifier: verifier(jwk), kbVerifier: holder && verifier(holder),
    })
    const compact = FlattenJSON.fromSerialized(envelope).toEncoded()
    const { payload, header, kb } = await instance.verify(compact, { currentDate: now, keyBindingNonce: nonce })
    return { claims: payload, header, binding: kb?.payload }
  },

  async open({ jwe, jwk }) {
    const { plaintext, protectedHeader } = await jose.compactDecrypt(jwe, await jose.importJWK(jwk, keyAgreement), {
      keyManagementAlgorithms: [keyAgreement], contentEncryptionAlgorithms: ['A256GCM'],
    })
    return { plaintext: string.decode(plaintext), header: protectedHeader }
  },

  async seal({ plaintext, header, jwk }) {
    return new jose.CompactEncrypt(text.encode(plaintext))
      .setProtectedHeader({ alg: keyAgreement, enc: 'A256GCM', ...header })
      .encrypt(await jose.importJWK(jwk, keyAgreement))
  },

  async compact({ payload, header, jwk }) {
    return new jose.CompactSign(text.encode(JSON.stringify(payload)))
      .setProtectedHeader(header)
      .sign(await jose.importJWK(jwk, jwk.alg))
  },

  async issue({ claims, frame, header, jwk }) {
    const instance = new SDJwtInstance({ hasher, hashAlg: 'sha-256', saltGenerator, signer: signer(jwk), signAlg: jwk.alg, omitTyp: true })
    return FlattenJSON.fromEncode(await instance.issue(claims, frame, { header })).toJson()
  },
}

const jobs = JSON.parse(await new Response(process.stdin).text())
const results = []
for (const { op, ...job } of jobs) {
  try {
    results.push({ ok: await operations[op](job) })
  } catch (e) {
    results.push({ error: String(e.message ?? e) })
  }
}
process.stdout.write(JSON.stringify(results))

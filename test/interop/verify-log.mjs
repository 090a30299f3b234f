// Verifies that an entry is in a witnessed log, with nothing but node: a second
// implementation of signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy and
// tlog-proof of C2SP.    node verify-log.mjs VKEY POLICY PROOF ENTRY
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'

const [vkey, policy, proof, entry] = process.argv.slice(2)
const sha = (...parts) => createHash('sha256').update(Buffer.concat(parts.map((p) => Buffer.from(p)))).digest()
const must = (fact, what) => { if (!fact) throw new Error(what) }

const key = (text) => {
  const [, name, id, b64] = text.match(/^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/) ?? must(false, 'a key of another form')
  const raw = Buffer.from(b64, 'base64')
  must(raw.length === 33 && sha(name, '\n', raw).subarray(0, 4).toString('hex') === id, `key id of ${name}`)
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: raw.subarray(1).toString('base64url') }
  return { name, id, type: raw[0], public: createPublicKey({ key: jwk, format: 'jwk' }) }
}
const [head, text, ...signatures] = readFileSync(proof, 'utf8').split('\n\n')
const body = text + '\n'
const signed = (k) => signatures.join('\n\n').split('\n').some((line) => {
  const [dash, name, b64] = line.split(' ')
  const raw = Buffer.from(b64 ?? '', 'base64')
  if (dash !== '—' || name !== k.name || raw.subarray(0, 4).toString('hex') !== k.id) return false
  if (k.type === 1) return verify(null, Buffer.from(body), k.public, raw.subarray(4))
  const message = `cosignature/v1\ntime ${raw.readBigUInt64BE(4)}\n${body}`
  return k.type === 4 && verify(null, Buffer.from(message), k.public, raw.subarray(12))
})

// The log, and who has watched it.
const log = key(vkey)
const [origin, size, root] = body.split('\n')
must(signed(log) && log.type === 1 && origin === log.name, 'the log has not signed this checkpoint')
const met = { none: true }
for (const [word, name, k, ...members] of readFileSync(policy, 'utf8').split('\n').map((l) => l.trim().split(/\s+/))) {
  if (word === 'witness') met[name] = key(k).type === 4 && signed(key(k))
  if (word === 'group') met[name] = members.filter((m) => met[m]).length >= ({ any: 1, all: members.length }[k] ?? Number(k))
  if (word === 'quorum') must(met[name], 'fewer witnesses have cosigned than the policy asks for'), met.quorum = true
}
must(met.quorum, 'a policy without a quorum')

// The entry's place in it (RFC 9162, Section 2.1.3.2).
const [form, ...lines] = head.split('\n').filter((l) => !l.startsWith('extra '))
must(form === 'c2sp.org/tlog-proof@v1', 'a proof of another form')
const index = BigInt(lines.shift().replace(/^index /, ''))
let [fn, sn, hash] = [index, BigInt(size) - 1n, sha([0], readFileSync(entry))]
must(fn <= sn, 'an index beyond the log')
for (const p of lines.map((l) => Buffer.from(l, 'base64'))) {
  must(sn > 0n, 'a proof that is too long')
  if (fn & 1n || fn === sn) {
    hash = sha([1], p, hash)
    while (!(fn & 1n) && fn > 0n) [fn, sn] = [fn >> 1n, sn >> 1n]
  } else hash = sha([1], hash, p);
  [fn, sn] = [fn >> 1n, sn >> 1n]
}
must(sn === 0n && hash.equals(Buffer.from(root, 'base64')), 'the entry is not in the log')
console.log(JSON.stringify({ origin, size: Number(size), index: Number(index) }))

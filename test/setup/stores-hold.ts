import { env } from 'cloudflare:workers'
import { afterAll } from 'vitest'
import { readAnchors, type Anchors } from '#scripts/audit/read-anchors.ts'
import { findBrokenStores } from '#scripts/check/find-broken.ts'
import { asOwner, ownerClient } from '#test/setup/owner-database.ts'

// The files that a workerd runs, one after the other, share its stores, and all share the database. What the tests of a file
// did through the service must have left the stores, and the rows of those whom they name, as each other says.
afterAll(async () => {
  const { AUDIO: audio, SPEECH_INDEX: speechIndex, ANCHORS: anchors } = env
  if (audio === undefined || speechIndex === undefined || anchors === undefined) throw new Error('a store is not bound')
  const people = new Set([
    ...(await audio.list()).objects.map(({ key }) => personOf(key)),
    ...(await speechIndex.list()).keys.map(({ name }) => name.split('/')[2] ?? everybody),
  ])
  const unlike = await unlikeAnchors(await readAnchors(anchors))
  const broken = people.size === 0 ? [] : await brokenStores({ audio, speechIndex, anchors }, people)
  if (broken.length + unlike.length > 0) throw new Error(`The stores do not hold: ${JSON.stringify([broken, unlike])}`)
  await emptied({ audio, speechIndex })
})

/** What holds is not looked at again after every file that follows. */
async function emptied({ audio, speechIndex }: { readonly audio: R2Bucket; readonly speechIndex: KVNamespace }) {
  const [{ objects }, { keys }] = [await audio.list(), await speechIndex.list()]
  if (objects.length > 0) await audio.delete(objects.map(({ key }) => key))
  await Promise.all(keys.map(async ({ name }) => await speechIndex.delete(name)))
}

const everybody = 'shared'

const personOf = (key: string) => (key.startsWith('u/') ? (key.split('/')[1] ?? everybody) : everybody)

type Bindings = Omit<Parameters<typeof findBrokenStores>[1], typeof Symbol.asyncDispose>

async function brokenStores(bindings: Bindings, people: ReadonlySet<string>) {
  const stores = { ...bindings, [Symbol.asyncDispose]: async () => undefined }
  const broken = await findBrokenStores(await ownerClient(), stores)
  const staying = await asOwner<{ id: string }>('select id from public.users where id::text = any ($1)', [[...people]])
  const live = new Set(staying.map(({ id }) => id))
  return broken.filter(({ invariant, subject }) => {
    // Every workerd has stores of its own, and all say in one row where what is everybody's lies.
    if (invariant !== 'a cached line leads to audio' && personOf(subject) === everybody) return false
    if (invariant === 'audio of a row is in the bucket') return people.has(personOf(subject))
    // Bytes that no row knows go with the account: what a later synthesis replaced, and what a refused flight left.
    return invariant !== 'audio in the bucket has a row' || !live.has(personOf(subject))
  })
}

async function unlikeAnchors({ heads, unreadable }: Anchors): Promise<unknown[]> {
  const anchored = [...heads].flatMap(([chain_id, known]) => known.map(({ seq, hash }) => ({ chain_id, seq, hash })))
  if (anchored.length === 0) return [...unreadable]
  const unlike = await asOwner(
    `select a.* from jsonb_to_recordset($1) as a (chain_id uuid, seq bigint, hash text) where not exists (
       select from public.audit_log l where l.chain_id = a.chain_id and l.seq = a.seq and encode(l.hash, 'hex') = a.hash)`,
    [JSON.stringify(anchored)],
  )
  return [...unreadable, ...unlike]
}

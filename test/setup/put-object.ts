import { convertV4MiniflareOptions, Miniflare } from 'miniflare'

// `node test/setup/put-object.ts {state directory} {bucket} {key} {text}`
const [path = '', bucket = '', key = '', text = ''] = process.argv.slice(2)
const options = convertV4MiniflareOptions({ modules: true, script: 'export default {}', r2Buckets: { BUCKET: bucket } })
// Where wrangler keeps what is in R2, without wrangler, which takes seconds to load.
const miniflare = new Miniflare({ ...options, resourcePersistencePath: path })
await (await miniflare.getR2Bucket('BUCKET')).put(key, text)
await miniflare.dispose()

import { startUpstream } from '#scripts/upstream/server.ts'
import { workerVariables } from '#scripts/upstream/worker-variables.ts'

const upstream = await startUpstream({ port: Number(process.env.PORT ?? 0) })

console.log(`The local upstream answers at ${upstream.origin}\n`)
for (const variables of Object.values(workerVariables)) {
  for (const [name, value] of Object.entries(variables(upstream.origin))) console.log(`${name}=${value}`)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void upstream.close())
}

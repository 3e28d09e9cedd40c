import { elsewhere, Fault, type Faults } from '#scripts/upstream/faults.ts'
import type { Revocations } from '#scripts/upstream/identity/revocations.ts'
import { json, jsonBody, type Part } from '#scripts/upstream/part.ts'

/**
 * What tests ask of all providers. `GET /identity/revocations` lists what they were told to revoke, in order. `POST
 * /identity/faults` plants a `Fault`, and `DELETE` takes all away; any path of the local upstream can have one.
 */
export function identityPart(revocations: Revocations, faults: Faults): Part {
  return {
    summary: 'The three providers together, for tests',
    prefixes: ['/identity'],
    routes: {
      'GET /identity/revocations': () => json({ revocations: revocations.list() }),
      'POST /identity/faults': (ask) => {
        const fault = jsonBody(ask, Fault)
        faults.plant(fault)
        return json(fault, { status: 201 })
      },
      'DELETE /identity/faults': () => json({ cleared: faults.clear() }),
      [`GET ${elsewhere}`]: () => json({}),
    },
    describeFailure: ({ message }) => ({ error: message }),
  }
}

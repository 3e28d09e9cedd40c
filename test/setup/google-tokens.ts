import { decodeJwt } from 'jose'
import { googleToken } from '#test/setup/client.ts'

/** The subject of a person of the local identity server. */
export async function subjectOf(person: string): Promise<string> {
  return decodeJwt(await googleToken({ person })).sub ?? ''
}

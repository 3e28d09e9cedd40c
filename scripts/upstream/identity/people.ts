import { createHash, randomUUID } from 'node:crypto'
import { Failure } from '#scripts/upstream/part.ts'

/** Somebody who can sign in. Providers take from it what they would know; only the demo knows the birthdate. */
export interface Person {
  readonly label: string
  readonly note: string
  readonly givenName: string
  readonly familyName: string
  readonly email: string | undefined
  readonly isEmailVerified: boolean
  /** The Google Workspace domain, for one who has it. */
  readonly hostedDomain: string | undefined
  /** Whether Apple gives apps a relay address in place of the true one. */
  readonly hidesEmail: boolean
  readonly locale: string
  /** What this person would type at registration: `YYYY-MM-DD`. No ID token carries it. */
  readonly birthdate: string
}

/** The test people by label. The young ones keep their age: their birthdates move with the calendar. */
export const people: readonly Person[] = [
  person('ada', 'an adult with a gmail address', 'Ada', 'Marlowe', { email: 'ada.marlowe@gmail.com' }),
  person('noor', 'a second adult with a gmail address, and a name beyond ASCII', 'Noør', 'Çelik-Østergård', {
    email: 'noor.celik@gmail.com',
    locale: 'da',
  }),
  person('wanda', 'a Google Workspace account (hd)', 'Wanda', 'Kowalska', {
    email: 'wanda@hollow-oak.example',
    hostedDomain: 'hollow-oak.example',
    locale: 'pl',
  }),
  person('ulf', 'an unverified address outside gmail', 'Ulf', 'Brandt', {
    email: 'ulf@brandt.example',
    isEmailVerified: false,
    locale: 'de',
  }),
  person('hana', 'an adult who hides her email from apps (Apple)', 'Hana', 'Svobodová', {
    email: 'hana.svobodova@gmail.com',
    hidesEmail: true,
    locale: 'cs',
  }),
  person('mei', 'no email at all', '美', '林', { locale: 'zh-TW' }),
  person('tim', 'eleven years old: under age', 'Tim', 'Field', {
    email: 'tim.field.eleven@gmail.com',
    birthdate: birthdateAtAge(11),
  }),
  person('yuki', 'fifteen years old', 'Yuki', 'Tanaka', {
    email: 'yuki.tanaka.fifteen@gmail.com',
    birthdate: birthdateAtAge(15),
    locale: 'ja',
  }),
]

/**
 * The person behind a label: one of `people`, or for `new:<anything>` one made from that label, the same each time.
 * A bare `new` is a different person each time. Undefined for any other label.
 */
export function findPerson(label: string): Person | undefined {
  if (label === 'new') return madePerson(`new:${randomUUID()}`)
  if (label.startsWith('new:')) return madePerson(label)
  return people.find((known) => known.label === label)
}

/** As `findPerson`. Throws Failure 400 for a label that nobody has. */
export function knownPerson(label: string): Person {
  const known = findPerson(label)
  if (known === undefined) throw new Failure(400, 'unknown_person', `Nobody is called ${label}; see /google/people.`)
  return known
}

function madePerson(label: string): Person {
  const tag = digest(label).slice(0, 12)
  return person(label, 'made from this label', 'Robin', `N${tag}`, { email: `robin.${tag}@gmail.com` })
}

function person(
  label: string,
  note: string,
  givenName: string,
  familyName: string,
  rest: Partial<Person> = {},
): Person {
  const usual = {
    email: undefined,
    isEmailVerified: rest.email !== undefined,
    hostedDomain: undefined,
    hidesEmail: false,
    locale: 'en',
    birthdate: '1994-05-17',
  }
  return { ...usual, label, note, givenName, familyName, ...rest }
}

// Half a year into the age, so that no birthday falls into a test run.
function birthdateAtAge(years: number): string {
  const day = new Date()
  day.setUTCFullYear(day.getUTCFullYear() - years, day.getUTCMonth() - 6, 15)
  return day.toISOString().slice(0, 10)
}

/** The SHA-256 of a text in hexadecimal digits, from which providers make what they call a person. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

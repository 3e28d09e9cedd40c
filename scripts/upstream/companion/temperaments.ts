import { playful } from '#scripts/upstream/companion/temperaments/playful.ts'
import { gentle } from '#scripts/upstream/companion/temperaments/gentle.ts'
import { curious } from '#scripts/upstream/companion/temperaments/curious.ts'
import { bold } from '#scripts/upstream/companion/temperaments/bold.ts'
import { dreamy } from '#scripts/upstream/companion/temperaments/dreamy.ts'
import { steady } from '#scripts/upstream/companion/temperaments/steady.ts'
import type { Temperament } from '#scripts/upstream/companion/temperaments/temperament.ts'

/** Every temperament that a persona's description can show. The slots of their phrases are those of `phrases`. */
export const temperaments: readonly Temperament[] = [playful, gentle, curious, bold, dreamy, steady]

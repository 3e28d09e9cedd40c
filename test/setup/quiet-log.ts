import { vi } from 'vitest'

// One line for each request would bury a failing test's own output; a test that reads the log spies on it itself.
vi.spyOn(console, 'log').mockImplementation(() => undefined)

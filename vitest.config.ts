import { cloudflareTest } from '@cloudflare/vitest-pool-workers'
import { defineConfig } from 'vitest/config'

const postgres15 = ['test/schema/postgres-15.test.ts']
const common = { testTimeout: 30_000, hookTimeout: 120_000 }

export default defineConfig({
  // The pool resolves what CommonJS requires through the root project: pg needs the sockets of `pg-cloudflare`.
  ssr: { resolve: { conditions: ['workerd', 'worker', 'module', 'browser'] } },
  test: {
    // Half of a test's time is waiting: on two cores, vitest's own choice is one file at a time.
    maxWorkers: 3,
    // One PostgreSQL and one upstream for every test file, in all projects.
    globalSetup: './test/setup/global-setup.ts',
    projects: [
      {
        plugins: [
          cloudflareTest(async ({ inject }) => {
            const { workerOptions } = await import('./test/setup/worker-options.ts')
            return workerOptions(inject('stack'))
          }),
        ],
        test: {
          ...common,
          name: 'worker',
          // One workerd for many files, as one isolate serves many requests: to start one and fill it takes seconds.
          isolate: false,
          include: ['test/{api,contract,faults,unit}/**/*.test.ts'],
          setupFiles: ['./test/setup/quiet-log.ts', './test/setup/stores-hold.ts'],
        },
      },
      {
        test: {
          ...common,
          name: 'node',
          // What all files load is loaded once for many: each has a database of its own, and none keeps anything in a module.
          isolate: false,
          include: ['test/{rls,schema,scripts,house}/**/*.test.ts'],
          exclude: postgres15,
        },
      },
      {
        // What stands beside the service: its tools, two benchmarks, pages in a browser, another PostgreSQL. `npm run test:beside`.
        test: { ...common, name: 'beside', include: ['test/{tools,web}/**/*.test.ts', ...postgres15] },
      },
    ],
  },
})

import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import { awaitFirst } from '#src/llm/await-first.ts'
import { askModel } from '#src/llm/openai-compatible.ts'
import type { PromptMessage, Reply } from '#src/llm/port.ts'

/**
 * Asks the configured model, and each of its fallbacks in order where one fails before its first word. Resolves once that is
 * there; from then on the reply is that model's. Throws `not_configured`, or what the last of them threw.
 */
export async function ask(config: Config, prompt: readonly PromptMessage[], signal?: AbortSignal): Promise<Reply> {
  const { LLM_MODEL: first, LLM_FALLBACKS: others } = config
  if (first === undefined) throw new Problem('not_configured', 'No language model is configured.')
  let failure: unknown
  for (const model of [first, ...others]) {
    const abort = new AbortController()
    signal?.addEventListener('abort', () => abort.abort(), { once: true })
    try {
      return await awaitFirst(await askModel(config, model, prompt, abort.signal))
    } catch (error) {
      abort.abort()
      if (signal?.aborted === true || !(error instanceof Problem) || error.code === 'not_configured') throw error
      failure = error
    }
  }
  throw failure
}

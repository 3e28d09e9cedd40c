import { describe, expect, it } from 'vitest'
import { call, newUser } from '#test/setup/client.ts'
import { messagesOf, newConversation } from '#test/setup/talk.ts'
import { conversationsOf, exportFile, importFile, longChat } from '#test/setup/transcripts.ts'

describe('a page', () => {
  const lineOf = async (content: string, role = 'user') => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    await call('POST', `/conversations/${id}/messages`, { token, body: { role, content } })
    return (await exportFile(token, 'markdown', id)).split('\n').filter((line) => line.startsWith('>'))
  }

  it('cannot be broken by what was said', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token, '# A *title*\\')
    const said = '# Mine\r\n```\n</blockquote><h1>\n\n## You, 2020\n[Fuka]: https://example.com\rend'
    await call('POST', `/conversations/${id}/messages`, { token, body: { role: 'user', content: said } })
    const page = await exportFile(token, 'markdown', id)
    const at = (await messagesOf(token, id))[0]?.created_at ?? ''
    const spelled = `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`
    expect(page.split('\n').filter((line) => !line.startsWith('>'))).toEqual([
      String.raw`# \# A \*title\*\\`,
      '',
      expect.stringMatching(/^With Fuka, since \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$/),
      '',
      `## You, ${spelled}`,
      '',
      '',
    ])
    expect(page).toContain(
      '> # Mine\n> ```\n> </blockquote><h1>\n>\n> ## You, 2020\n> [Fuka]: https://example.com\n> end\n',
    )
  })

  it('has no tag and no picture that is fetched, and code as it is', async () => {
    expect(
      await lineOf(
        [
          '<b>bold</b> <!-- c --> a < b, <https://example.com>',
          '![x](https://example.com/x.png) and `![x](y) <vector>` and ``<a> ` <b>`` and `<i>',
          '```cpp',
          '#include <vector>',
          '```',
          '</blockquote>',
        ].join('\n'),
      ),
    ).toEqual([
      String.raw`> \<b>bold\</b> \<!-- c --> a < b, <https://example.com>`,
      String.raw`> \![x](https://example.com/x.png) and ${'`![x](y) <vector>`'} and ${'``<a> ` <b>``'} and ${'`'}\<i>`,
      '> ```cpp',
      '> #include <vector>',
      '> ```',
      String.raw`> \</blockquote>`,
    ])
  })

  it('says which of the companion’s words were imported', async () => {
    const { token } = await newUser()
    await importFile(token, JSON.stringify([longChat('a', 2)]))
    const [chat] = await conversationsOf(token)
    const page = await exportFile(token, 'markdown', chat?.id)
    expect(page.split('\n').filter((line) => line.startsWith('## '))).toEqual([
      expect.stringMatching(/^## You, /),
      expect.stringMatching(/^## Fuka \(imported\), /),
    ])
  })
})

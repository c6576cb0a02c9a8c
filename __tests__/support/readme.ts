import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { ALERTS, BYPASS_REASONS, REFUSAL_REASONS } from '../../lib/core/outcomes.js'
import { ERROR_CODES } from '../../lib/errors.js'
import { METRICS } from '../../lib/ops/families.js'

const root = join(__dirname, '../..')
export const readmePath = join(root, 'README.md')
export const readReadme = (): string => readFileSync(readmePath, 'utf8')

/** The README with every generated part written anew from the sources. */
export function regenerated(readme: string): string {
  const parts: [marker: string, lines: string[]][] = [
    ...[
      'RouteOptions',
      'ProfileOptions',
      'TtsOptions',
      'MemoryBudget',
      'RunOptions',
      'RedisOptions',
      'AudioOptions',
      'AlertOptions',
      'AdminOptions',
    ].map((name): [string, string[]] => [`options:${name}`, optionTable(name)]),
    [
      'alerts',
      table(
        ['code', 'severity', 'raised when', 'what to do'],
        Object.entries(ALERTS).map(([code, { severity, when, advice }]) => [`\`${code}\``, severity, when, advice]),
      ),
    ],
    [
      'metrics',
      table(
        ['metric', 'type', 'labels', 'meaning'],
        Object.entries(METRICS).map(([name, { type, labels, help }]) => [
          ...[`\`${name}\``, type],
          ...[labels.map(label => `\`${label}\``).join(', '), help],
        ]),
      ),
    ],
    [
      'errors',
      table(
        ['code', 'meaning'],
        Object.entries(ERROR_CODES).map(([code, text]) => [`\`${code}\``, text]),
      ),
    ],
    [
      'reasons',
      [
        ...table(
          ['not looked up', 'because'],
          Object.entries(BYPASS_REASONS).map(([word, text]) => [`\`${word}\``, text]),
        ),
        '',
        ...table(
          ['not stored', 'because'],
          Object.entries(REFUSAL_REASONS).map(([word, text]) => [`\`${word}\``, text]),
        ),
      ],
    ],
  ]
  return parts.reduce((text, [marker, lines]) => withPart(text, marker, lines), readme)
}

function withPart(readme: string, marker: string, lines: string[]): string {
  const [, closing] = /^(\w+)/.exec(marker)!
  const start = readme.indexOf(`<!-- ${marker} -->`)
  const end = readme.indexOf(`<!-- /${closing!} -->`, start)
  if (start < 0 || end < 0) throw new Error(`README.md has no part ${marker}`)
  return `${readme.slice(0, start)}<!-- ${marker} -->\n${lines.join('\n')}\n${readme.slice(end)}`
}

const table = (head: string[], rows: string[][]): string[] =>
  [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`)

/** The members of an options interface that are its own, each with its sentence and its default. */
function optionTable(name: string): string[] {
  const file = join(root, 'lib/options.ts')
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ESNext, true)
  const found = source.statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  )
  if (found === undefined) throw new Error(`lib/options.ts has no interface ${name}`)
  const rows = found.members.map(member => {
    const text = ts
      .getJSDocCommentsAndTags(member)
      .map(doc => String(doc.comment))
      .join(' ')
    const match = /^(.*) Default: (.*)\.$/s.exec(text.replaceAll(/\s+/g, ' '))
    if (match === null) throw new Error(`${name}.${member.name!.getText()} does not end with its default`)
    return [`\`${member.name!.getText()}\``, match[2]!, match[1]!].map(cell => cell.replaceAll('|', '\\|'))
  })
  return table(['option', 'default', 'meaning'], rows)
}

/** The fenced TypeScript blocks. */
export const codeBlocks = (readme: string): string[] =>
  [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!)

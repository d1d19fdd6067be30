import type { Command } from 'commander'
import { runDemo } from '../demo/run.ts'
import { type StageFlags, stageOptions, withStageOptions } from './stage-options.ts'

/** Adds `demo`. Its story is told by a client of its own, so it has no options for what only a browser would notice. */
export function addDemo(program: Command, print: (line: string) => void): void {
  withStageOptions(program.command('demo'), { port: 'a free one', content: 'a temporary folder' })
    .description('start, tell the whole story step by step, stop; exit status 1 where a step fails')
    .addHelpText('after', '\nThe files of the story are put into the content, each only where it is missing.')
    .action((flags: StageFlags) => runDemo(stageOptions(flags), print))
}

#!/usr/bin/env node
// Starts the command. Plain JavaScript: from here on tsx reads TypeScript as it stands, without a build.
if (process.argv[2] === 'serve') {
  await import('../local/bootstrap.mjs')
} else {
  const { register } = await import('tsx/esm/api')
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  register()
  const { main } = await import('./main.ts')
  process.exitCode = await main(process.argv.slice(2))
}

/**
 * One cold start of a Lambda function: `node cold-process.cjs SETTINGS`. Loads the bundle with the whole CPU, as Lambda does, then
 * joins a control group with the CPU share of 128 MB, handles one event, and prints what that took as JSON. Every host is the
 * server on the given port of this machine.
 */
const dns = require('node:dns')
const { writeFileSync } = require('node:fs')
const net = require('node:net')

const { bundle, port, event, context, share, outside } = JSON.parse(process.argv[2] ?? '')

dns.lookup = (_host, options, done) =>
  setImmediate(() => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)))
const connect = net.Socket.prototype.connect
net.Socket.prototype.connect = function (...given) {
  const options = Array.isArray(given[0]) ? given[0][0] : given[0]
  if (options.port === 443 || options.port === '443') options.port = port
  return connect.apply(this, given)
}

const { handler } = require(bundle)
writeFileSync(share, String(process.pid))
const cpu = process.cpuUsage()
const begun = process.hrtime.bigint()
handler(event, context).then((answer) => {
  const { user, system } = process.cpuUsage(cpu)
  const wallMs = Number(process.hrtime.bigint() - begun) / 1e6
  writeFileSync(outside, String(process.pid))
  const rssMiB = process.resourceUsage().maxRSS / 1024
  console.log(JSON.stringify({ status: Number(answer.status), wallMs, cpuMs: (user + system) / 1000, rssMiB }))
  process.exit(0)
})

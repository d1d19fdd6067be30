import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type NginxLog, startNginx } from '../../local/nginx/process.ts'
import { holdPort } from '../../local/process/ports.ts'

const silent: NginxLog = { logError: () => {}, loggedPath: () => '' }

/** nginx as it comes, with `secure_link`, in front of a bucket tier on a unix socket. */
export interface ReferenceServer {
  readonly url: string
  /** The path with its `md5` and `expires`. */
  link(path: string): string
  stop(): Promise<void>
}

const secret = 'a benchmark has no secrets'

/** Starts it; `/plain/…` is not checked, `/linked/…` is. The settings are the emulation's own, as far as both have them. */
export async function startReference(nginx: string, directory: string, bucket: string): Promise<ReferenceServer> {
  for (const folder of ['logs', 'temp']) mkdirSync(join(directory, folder), { recursive: true })
  const held = await holdPort(0, false)
  const { port } = held
  writeFileSync(join(directory, 'nginx.conf'), configuration(directory, port, bucket))
  const server = await startNginx(nginx, directory, held, silent)
  return { url: `http://127.0.0.1:${port}`, link: signLink, stop: () => server.stop() }
}

function signLink(path: string): string {
  const expires = Math.floor(Date.now() / 1000) + 86_400
  const md5 = createHash('md5').update(`${expires}${path} ${secret}`).digest('base64url')
  return `${path}?md5=${md5}&expires=${expires}`
}

function configuration(directory: string, port: number, bucket: string): string {
  const temp = ['client_body', 'proxy', 'fastcgi', 'scgi', 'uwsgi'].map(
    (name) => `${name}_temp_path ${directory}/temp/${name};`,
  )
  const pass = 'proxy_set_header Range $http_range; proxy_pass http://bucket/;'
  return `${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes auto;
pid ${directory}/nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
  ${temp.join('\n  ')}
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_buffer_size 64k;
  proxy_buffers 8 64k;
  proxy_busy_buffers_size 128k;
  proxy_max_temp_file_size 0;
  upstream bucket { server unix:${bucket}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location /plain/ { proxy_set_header Connection ""; ${pass} }
    location /linked/ {
      secure_link $arg_md5,$arg_expires;
      secure_link_md5 "$secure_link_expires$uri ${secret}";
      if ($secure_link = "") { return 403; }
      if ($secure_link = "0") { return 410; }
      proxy_set_header Connection "";
      ${pass}
    }
  }
}
`
}

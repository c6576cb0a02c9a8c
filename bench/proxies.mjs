// Caches that stand in front of the app, in a process of their own. Used where they are installed.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const nginx = {
  command: 'nginx',
  configure(directory, port, origin) {
    const file = join(directory, 'nginx.conf')
    writeFileSync(file, nginxConfiguration(directory, port, origin))
    return ['-e', join(directory, 'error.log'), '-p', directory, '-c', file]
  },
}

// The directory is ours alone: as root, nginx would otherwise work as a user who may not enter it.
const nginxConfiguration = (directory, port, origin) => `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  proxy_cache_path ${directory}/cache levels=1:2 keys_zone=answers:64m inactive=1h;
  upstream app { server 127.0.0.1:${origin}; keepalive 64; }
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 100000000;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_force_ranges on;
      proxy_cache answers;
      proxy_cache_methods GET HEAD POST;
      proxy_cache_key "$request_method $request_uri $request_body";
      proxy_cache_valid 200 1h;
      proxy_cache_lock on;
    }
  }
}
`

/** It does not cache a POST: its own rules send that on. */
export const varnish = {
  command: 'varnishd',
  configure: (directory, port, origin) => [
    ...['-F', '-n', join(directory, 'varnish'), '-a', `127.0.0.1:${port}`],
    ...['-b', `127.0.0.1:${origin}`, '-t', '3600', '-s', 'malloc,256m'],
  ],
}

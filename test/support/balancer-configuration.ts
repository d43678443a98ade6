import { documentedBlock } from './documented-blocks.js';

export type BalancerKind = 'nginx' | 'haproxy';

export interface BalancerOptions {
  /** Seconds that an idle connection to a server is kept for the next request. */
  idleSeconds?: number;
  /** Whether HAProxy checks readiness, every 500 ms. */
  checks?: boolean;
  /** Prefix that the balancer removes from paths (nginx only). */
  prefix?: string;
  /** Whether its configuration is the one of the documentation, without other options. */
  isDocumented?: boolean;
}

const PAGE = 'docs/operations/proxies.md';

/** The configuration file of nginx or HAProxy, in front of controllers at these hosts. */
export function balancerConfiguration(
  kind: BalancerKind,
  port: string,
  hosts: readonly string[],
  { idleSeconds = 60, prefix = '', checks = true, isDocumented = false }: BalancerOptions,
): string {
  if (kind === 'nginx') {
    return nginxFile(
      isDocumented ? documentedNginx(port, hosts) : nginxServers(port, hosts, idleSeconds, prefix),
    );
  }
  const check = checks ? 'check inter 500ms fall 2 rise 1' : '';
  return haproxyFile(
    port,
    isDocumented ? documentedHaproxy(hosts) : haproxyBackend(hosts, check, idleSeconds),
  );
}

function nginxFile(servers: string): string {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path temp/${name};`,
  );
  return `
${process.geteuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  ${temp.join('\n  ')}
  access_log off;
${servers}
}
`;
}

function nginxServers(
  port: string,
  hosts: readonly string[],
  idleSeconds: number,
  prefix: string,
): string {
  return `
  upstream mesh {
    ${hosts.map((host) => `server ${host} max_fails=0;`).join('\n    ')}
    keepalive 64;
    keepalive_timeout ${idleSeconds}s;
  }
  server {
    listen 127.0.0.1:${port};
    location ${prefix}/ {
      proxy_pass http://mesh${prefix === '' ? '' : '/'};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_next_upstream off;
    }
  }`;
}

function documentedNginx(port: string, hosts: readonly string[]): string {
  return withHosts(documentedBlock(PAGE, 'upstream mesh'), hosts).replace(
    'server {',
    `server {\n  listen 127.0.0.1:${port};`,
  );
}

function documentedHaproxy(hosts: readonly string[]): string {
  return withHosts(documentedBlock(PAGE, 'backend mesh'), hosts);
}

/** Replaces the addresses of the servers, and leaves out the lines of those that there are not. */
function withHosts(block: string, hosts: readonly string[]): string {
  const left = [...hosts];
  return block
    .split('\n')
    .flatMap((line) => {
      const address = /10\.0\.0\.\d+:8088/.exec(line)?.[0];
      if (address === undefined) return [line];
      const host = left.shift();
      return host === undefined ? [] : [line.replace(address, host)];
    })
    .join('\n');
}

function haproxyFile(port: string, backend: string): string {
  return `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
  timeout check 2s
frontend clients
  bind 127.0.0.1:${port}
  default_backend mesh
${backend}
`;
}

function haproxyBackend(hosts: readonly string[], check: string, idleSeconds: number): string {
  const server = (host: string, index: number): string =>
    `  server s${index} ${host} ${check} pool-purge-delay ${idleSeconds}s`;
  return `backend mesh
  retries 0
  http-reuse always
  option forwardfor
  balance roundrobin
  option httpchk GET /health/ready
${hosts.map(server).join('\n')}`;
}

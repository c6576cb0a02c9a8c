/** What somebody can do about a server that cannot listen; undefined for an error of another kind. */
export function startFailure(error: unknown, { host, port }: { host: string; port: number }): string | undefined {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return `Port ${port} is taken. Write PORT=${port + 1} npm run demo, or end what listens there.`
    case 'EACCES':
      return `Port ${port} may not be used without more rights. Write PORT=3000 npm run demo.`
    case 'ERR_SOCKET_BAD_PORT':
      return 'PORT is no port. Write a number from 0 to 65535, as in PORT=3000 npm run demo.'
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is no address of this machine. Write HOST=127.0.0.1 npm run demo.`
    default:
      return undefined
  }
}

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined

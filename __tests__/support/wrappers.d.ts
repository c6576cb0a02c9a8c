declare module 'express-mung' {
  import type { Request, RequestHandler, Response } from 'express'
  const mung: {
    json(fn: (body: unknown, req: Request, res: Response) => unknown): RequestHandler
    headers(fn: (req: Request, res: Response) => void): RequestHandler
    headersAsync(fn: (req: Request, res: Response) => Promise<void>): RequestHandler
  }
  export default mung
}

declare module 'express-interceptor' {
  import type { Request, RequestHandler, Response } from 'express'
  export default function interceptor(
    make: (
      req: Request,
      res: Response,
    ) => {
      isInterceptable(): boolean
      intercept(body: string, send: (body: string) => void): void
    },
  ): RequestHandler
}

declare module 'express-ws' {
  import type { Server } from 'node:http'
  export default function expressWs(
    app: unknown,
    server?: Server,
    options?: { leaveRouterUntouched?: boolean },
  ): unknown
}

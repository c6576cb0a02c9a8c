declare module 'cookie-signature' {
  export function sign(value: string, secret: string): string
}

declare module 'espeak-ng' {
  interface ESpeakModule {
    FS: { readFile(path: string): Uint8Array<ArrayBuffer>; writeFile(path: string, data: string): void }
  }
  interface ESpeakOptions {
    arguments: string[]
    preRun: ((module: ESpeakModule) => void)[]
    printErr: (line: string) => void
  }
  export default function ESpeakNg(options: ESpeakOptions): Promise<ESpeakModule>
}

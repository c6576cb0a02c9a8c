// The alias installs Express 4 beside Express 5; the types of Express 5 describe all that the tests use of both.
declare module 'express4' {
  import express from 'express'
  export default express
}
